// The shelf and the article. Reading aloud is the player's business: it reads what is in the page.

const by = (id) => document.getElementById(id);
const languages = new Intl.DisplayNames(["en"], { type: "language" });

function make(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

const facts = ({ language, minutes }) => `${languages.of(language.split("-")[0])} · ${Math.max(1, Math.round(minutes))} min`;

async function fetchJSON(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(answer.status === 404 ? "There is no such text on the shelf." : `The server answers ${answer.status}.`);
  return answer.json();
}

async function show(slug, focus) {
  const player = by("player");
  player.stop?.();
  const article = await fetchJSON(`/articles/${encodeURIComponent(slug)}`);
  by("facts").textContent = facts(article);
  by("title").textContent = article.title;
  by("byline").textContent = article.author;
  by("text").replaceChildren(...article.paragraphs.map((text) => make("p", {}, text)));
  for (const id of ["title", "text"]) by(id).lang = article.language;
  by("article").lang = article.language;
  by("facts").lang = document.querySelector(".keep").lang = "en";
  by("download").href = `/articles/${encodeURIComponent(slug)}/audio`;
  by("download").download = `${slug}.mp3`;
  if (article.voice) player.setAttribute("voice", article.voice);
  else player.removeAttribute("voice");
  player.setAttribute("label", article.title);
  by("reader").setAttribute("face", article.face);
  by("article").hidden = document.querySelector(".dock").hidden = false;
  by("problem").hidden = true;
  document.title = `${article.title} · Read aloud`;
  for (const link of by("shelf").querySelectorAll("a")) {
    if (link.hash !== `#${slug}`) link.removeAttribute("aria-current");
    else {
      link.setAttribute("aria-current", "true");
      // On a narrow screen the shelf scrolls by itself.
      link.scrollIntoView({ block: "nearest", inline: "center" });
    }
  }
  if (focus) {
    by("article").focus({ preventScroll: true });
    scrollTo({ top: 0 });
  }
}

function fail(error) {
  by("problem").textContent = error instanceof TypeError ? "The server cannot be reached. Reload the page when it is back." : error.message;
  by("problem").hidden = false;
}

async function start() {
  const shelf = await fetchJSON("/articles");
  by("shelf").replaceChildren(...shelf.map((article) => make("li", {}, make("a", { href: `#${article.slug}` },
    make("span", { lang: article.language, className: "name" }, article.title), make("small", {}, article.author), make("small", {}, facts(article))))));
  const wanted = () => decodeURIComponent(location.hash.slice(1));
  addEventListener("hashchange", () => {
    if (shelf.some(({ slug }) => slug === wanted())) show(wanted(), true).catch(fail);
  });
  await show(shelf.find(({ slug }) => slug === wanted())?.slug ?? shelf[0].slug, false);
}

start().catch(fail);
