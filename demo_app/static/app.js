// The shelf, the article, and a player on a plain <audio> element whose source is this application's own route.

const by = (id) => document.getElementById(id);
const audio = new Audio();
audio.preload = "none";
let open = null;

const say = (text) => { by("status").textContent = text; };
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function showState(playing) {
  by("listen").textContent = playing ? "Pause" : "Listen";
  by("listen").setAttribute("aria-pressed", String(playing));
}

function stop() {
  audio.pause();
  audio.removeAttribute("src");
  audio.load(); // closes the connection, and the server stops speaking
  by("time").textContent = "0:00";
  showState(false);
  say("");
}

async function show(slug) {
  stop();
  const answer = await fetch(`/articles/${encodeURIComponent(slug)}`);
  if (!answer.ok) throw new Error(`The article could not be fetched (${answer.status}).`);
  open = await answer.json();
  by("title").textContent = open.title;
  by("byline").textContent = open.author;
  by("text").replaceChildren(...open.paragraphs.map((text) => {
    const paragraph = document.createElement("p");
    paragraph.textContent = text;
    return paragraph;
  }));
  by("article").lang = open.language;
  by("article").hidden = false;
  document.title = `${open.title} – Read aloud`;
  for (const button of by("shelf").querySelectorAll("button")) {
    if (button.dataset.slug === slug) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

async function listen() {
  if (!audio.paused) return audio.pause();
  if (!audio.hasAttribute("src")) {
    audio.src = `/articles/${encodeURIComponent(open.slug)}/audio?speed=${by("speed").value}`;
    say("Fetching the voice …");
  }
  try {
    await audio.play();
  } catch (error) {
    if (error.name !== "AbortError") say("No voice could be had just now. Try again in a moment.");
  }
}

audio.addEventListener("playing", () => { showState(true); say(`Reading “${open.title}”.`); });
audio.addEventListener("pause", () => { showState(false); if (audio.src) say("Paused."); });
audio.addEventListener("ended", () => { stop(); say("The end."); });
audio.addEventListener("timeupdate", () => { by("time").textContent = clock(audio.currentTime); });
audio.addEventListener("error", () => {
  if (!audio.hasAttribute("src")) return;
  stop();
  say("The voice broke off. Try again in a moment.");
});
by("listen").addEventListener("click", listen);
by("speed").addEventListener("change", stop);

const shelf = await (await fetch("/articles")).json();
by("shelf").replaceChildren(...shelf.map((article) => {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.slug = article.slug;
  button.append(article.title);
  const detail = document.createElement("small");
  detail.textContent = `${article.author} · ${Math.max(1, Math.round(article.minutes))} min · ${article.language}`;
  button.append(detail);
  button.addEventListener("click", () => show(article.slug).then(() => by("title").focus(), (error) => say(error.message)));
  item.append(button);
  return item;
}));
await show(shelf[0].slug);
