// The page around its two views: which of them is seen, the engines, the keys.

import { $, connect, inWords, make, ttsService } from "./connection.js";
import { castVoices, playDialogue, stopDialogue } from "./dialogue.js";
import { faceButtons } from "./faces.js";
import { showCode, speakStudio, stopStudio } from "./studio.js";
import { makeTabs } from "./tabs.js";
import { loadVoices } from "./voices.js";

const HEALTH_MS = 20_000;
const views = { studio: $("tab-studio"), dialogue: $("tab-dialogue") };

/** @param {string} shown */
function show(shown) {
  for (const name of Object.keys(views)) $(name).hidden = name !== shown;
  if (shown === "dialogue") stopStudio();
  else stopDialogue();
  // The first view is the page itself; a link to the other leads back to it.
  if (location.hash.slice(1) !== shown && (location.hash || shown !== "studio")) history.replaceState(null, "", `#${shown}`);
}

const wanted = () => (location.hash === "#dialogue" ? views.dialogue : views.studio);
for (const tab of Object.values(views)) tab.setAttribute("aria-selected", String(tab === wanted()));
const select = makeTabs(/** @type {HTMLElement} */ (views.studio.parentElement), (tab) => show(tab.getAttribute("aria-controls") ?? "studio"));
addEventListener("hashchange", () => select(wanted()));

async function showEngines() {
  const { engines, status } = await ttsService.healthCheck();
  $("engines").replaceChildren(...engines.map((engine) => {
    const state = engine.status === "ok" ? "ready" : engine.status;
    const pill = make("li", { className: engine.status === "ok" ? "ok" : "bad", title: engine.detail ?? `${engine.voices} voices` }, engine.name, make("span", { className: "hidden" }, `: ${state}`));
    return pill;
  }));
  if (status === "down") throw new Error("No engine can speak just now. The server tries again by itself.");
}

document.addEventListener("keydown", (event) => {
  const dialogue = !$("dialogue").hidden;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Escape" && (dialogue ? stopDialogue() : stopStudio())) event.preventDefault();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    if (dialogue) playDialogue();
    else speakStudio();
  }
});
$("key-form").addEventListener("submit", showCode);

faceButtons();
connect(showEngines);
connect(async () => {
  await loadVoices();
  castVoices();
});
setInterval(() => {
  if (!document.hidden) showEngines().catch((error) => { $("engines").title = inWords(error); });
}, HEALTH_MS);
