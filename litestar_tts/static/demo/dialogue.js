// The second view: two faces talk. Each line is an utterance of one queue, so that they join without a gap, and its frames
// go to one face only.

import { Caption } from "./caption.js";
import { $, icon, inWords, isAbort, make, maxLength, newService, semitones } from "./connection.js";
import { FACES, faceName } from "./faces.js";
import { SCRIPTS } from "./scripts.js";
import { cast, pickVoice, voiceId, voiceTitle } from "./voices.js";

/** @typedef {import("../types.js").Voice} Voice */
/** @typedef {import("../avatar.js").TTSAvatar} Avatar */
/** @typedef {{avatar: Avatar, box: HTMLElement, voice: Voice | null, voiceName: HTMLElement, face: HTMLSelectElement, pitch: HTMLInputElement, pitchValue: HTMLElement}} Speaker */

const GENDERS = ["female", "male"];
const MOST_LINES = 40;

const CROSS = "M6.4 5L12 10.6 17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4-5.6-5.6L6.4 19 5 17.6l5.6-5.6L5 6.4z";
const DOWN = "M7 10l5 5 5-5";

const service = newService();
const caption = new Caption("dialogue-caption");
/** @type {AbortController | null} */
let current = null;
let script = Object.values(SCRIPTS)[0];

const speakers = ["a", "b"].map((letter) => {
  const avatar = /** @type {Avatar} */ ($(`avatar-${letter}`));
  const face = make("select", { ariaLabel: `Face of the ${letter === "a" ? "first" : "second"} speaker`, onchange: () => wear(speaker, face.value) }, ...FACES.map((name) => make("option", { value: name }, faceName(name))));
  const voiceName = make("span", { id: `cast-voice-${letter}` });
  const label = make("span", { className: "label", id: `cast-${letter}` }, letter === "a" ? "First speaker" : "Second speaker");
  const pitch = make("input", { type: "range", id: `cast-pitch-${letter}`, min: "-12", max: "12", step: "1", oninput: () => setPitch(speaker, Number(pitch.value)) });
  const pitchValue = make("output", { className: "quiet" });
  const shift = make("div", {}, make("div", { className: "row" }, make("label", { htmlFor: pitch.id, className: "quiet" }, "Pitch"), pitchValue), pitch);
  /** @type {Speaker} */
  const speaker = { avatar, box: $(`speaker-${letter}`), voice: null, voiceName, face, pitch, pitchValue };
  const button = make("button", { type: /** @type {const} */ ("button"), className: "pick", ariaHasPopup: "dialog", onclick: () => pickVoice(speaker.voice, (voice) => setVoice(speaker, voice)) }, voiceName, icon(DOWN));
  button.setAttribute("aria-labelledby", `cast-${letter} cast-voice-${letter}`);
  $("cast").append(make("div", { className: "field" }, label, make("div", { className: "role" }, face, button, shift)));
  return speaker;
});

/** @param {Speaker} speaker @param {Voice | null} voice */
function setVoice(speaker, voice) {
  speaker.voice = voice;
  speaker.voiceName.textContent = voiceTitle(voice);
}

/** @param {Speaker} speaker @param {number} pitch */
function setPitch({ pitch: slider, pitchValue }, pitch) {
  slider.value = String(pitch);
  pitchValue.textContent = semitones(pitch);
  slider.setAttribute("aria-valuetext", semitones(pitch));
  slider.style.setProperty("--part", String((pitch + 12) / 24));
}

// --- script -----------------------------------------------------------------------------------------------------------

/** @param {import("./scripts.js").Script} chosen */
function load(chosen) {
  stopDialogue();
  script = chosen;
  $("lines").replaceChildren(...script.lines.map(([who, text]) => line(who, text)));
  speakers.forEach((speaker, position) => wear(speaker, script.faces[position]));
  castVoices();
}

/** Who speaks, is called as the face that does. @param {Speaker} speaker @param {string} face */
function wear(speaker, face) {
  speaker.face.value = face;
  speaker.avatar.setAttribute("face", face);
  /** @type {HTMLElement} */ (speaker.box.querySelector(".name")).textContent = nameOf(speaker);
  number();
}

/** @param {Speaker} speaker */
const nameOf = ({ face }) => faceName(face.value);

/** Voices for the script's languages, when they are known. */
export function castVoices() {
  /** @type {(Voice | null)[]} */
  const taken = [];
  speakers.forEach((speaker, position) => {
    const { voice, pitch } = cast(script.languages[position], GENDERS[position], taken);
    setVoice(speaker, voice);
    setPitch(speaker, pitch);
    taken.push(voice);
  });
}

/** @param {number} who @param {string} text */
function line(who, text) {
  const input = make("textarea", { value: text, maxLength, required: true, spellcheck: true, rows: 1, dir: "auto" });
  const toggle = make("button", { className: "who", onclick: () => set(1 - Number(item.dataset.who)) });
  toggle.type = "button";
  const remove = make("button", { type: "button", className: "slim remove" });
  remove.append(icon(CROSS));
  const item = make("li", {}, toggle, input, remove);
  /** @param {number} speaker */
  const set = (speaker) => {
    item.dataset.who = String(speaker);
    number();
  };
  remove.addEventListener("click", () => {
    const next = /** @type {HTMLElement | null} */ (item.nextElementSibling ?? item.previousElementSibling);
    item.remove();
    number();
    (next?.querySelector("textarea") ?? $("add-line")).focus();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.isComposing) return;
    event.preventDefault();
    insert(item);
  });
  item.dataset.who = String(who);
  return item;
}

/** @param {Element | null} after */
function insert(after) {
  if ($("lines").childElementCount >= MOST_LINES) return;
  const made = line(after instanceof HTMLElement ? 1 - Number(after.dataset.who) : 0, "");
  if (after) after.after(made);
  else $("lines").append(made);
  number();
  made.querySelector("textarea")?.focus();
}

function number() {
  [...$("lines").children].forEach((item, position) => {
    const [toggle, input, remove] = /** @type {HTMLElement[]} */ ([...item.children]), who = speakers[Number(/** @type {HTMLElement} */ (item).dataset.who)];
    toggle.textContent = nameOf(who);
    toggle.setAttribute("aria-label", `Line ${position + 1}: said by ${nameOf(who)}. Change speaker`);
    input.setAttribute("aria-label", `Line ${position + 1}`);
    remove.setAttribute("aria-label", `Remove line ${position + 1}`);
  });
  $("add-line", HTMLButtonElement).disabled = $("lines").childElementCount >= MOST_LINES;
}

// --- playing ----------------------------------------------------------------------------------------------------------

/** @param {string} text @param {boolean} [bad] */
function say(text, bad = false) {
  if ($("play-status").textContent !== text) $("play-status").textContent = text;
  $("play-status").classList.toggle("bad", bad);
}

/** @param {HTMLElement | null} item the line that is heard */
function highlight(item) {
  for (const other of $("lines").children) other.toggleAttribute("aria-current", other === item);
  item?.setAttribute("aria-current", "true");
  const who = item ? Number(item.dataset.who) : -1;
  speakers.forEach(({ box, avatar }, position) => {
    box.classList.toggle("speaking", position === who);
    box.classList.toggle("listening", who >= 0 && position !== who);
    // Who listens looks at who speaks; on a screen the other face is beside.
    if (who >= 0 && position !== who) avatar.setAttribute("look", position ? "left" : "right");
    else avatar.removeAttribute("look");
  });
  const list = $("lines");
  if (item) list.scrollTop = Math.max(0, item.offsetTop - list.offsetTop - list.clientHeight / 3);
}

async function play() {
  const items = /** @type {HTMLElement[]} */ ([...$("lines").children]);
  if (!items.length) return say("Add a line first.", true);
  if (!$("script", HTMLFormElement).reportValidity()) return;
  stopDialogue();
  const mine = current = new AbortController();
  $("play-pause", HTMLButtonElement).disabled = $("play-stop", HTMLButtonElement).disabled = false;
  say("Asking for speech…");
  try {
    await Promise.all(items.map((item) => utter(item, items, mine)));
    if (mine === current) finish("Done.");
  } catch (error) {
    if (mine !== current) return;
    mine.abort();
    finish(isAbort(error) ? "Stopped." : inWords(error), !isAbort(error));
  }
}

/**
 * @param {HTMLElement} item
 * @param {HTMLElement[]} items
 * @param {AbortController} run
 */
function utter(item, items, run) {
  const speaker = speakers[Number(item.dataset.who)], text = item.querySelector("textarea")?.value ?? "";
  /** @type {{text: string}[]} */
  const words = [];
  let begun = false;
  const begin = () => {
    begun = true;
    caption.clear(text);
    caption.add(words);
    highlight(item);
    say(`${nameOf(speaker)} speaks, line ${items.indexOf(item) + 1} of ${items.length}.`);
  };
  return service.speakStreaming(text, undefined, undefined, {
    ...voiceId(speaker.voice),
    pitch: Number(speaker.pitch.value),
    signal: run.signal,
    onTimeline: (part) => {
      words.push(...part.words);
      if (begun) caption.add(part.words);
    },
    onWord: ({ index }) => run === current && caption.show(index),
    onFrame: (frame) => {
      if (frame.speaking && !begun && run === current) begin();
      // The faces may still be on their way.
      speaker.avatar.frame?.(frame);
    },
  });
}

/** @param {string} message @param {boolean} [bad] */
function finish(message, bad = false) {
  current = null;
  highlight(null);
  caption.clear();
  for (const { avatar } of speakers) avatar.rest?.();
  const focused = [$("play-pause"), $("play-stop")].includes(/** @type {HTMLElement} */ (document.activeElement));
  $("play-pause", HTMLButtonElement).disabled = $("play-stop", HTMLButtonElement).disabled = true;
  $("play-pause").lastElementChild?.replaceChildren("Pause");
  if (focused) $("play").focus();
  say(message, bad);
}

export function stopDialogue() {
  if (!current) return false;
  current.abort();
  finish("Stopped.");
  return true;
}

export { play as playDialogue };

$("ready").append(...Object.entries(SCRIPTS).map(([title, chosen]) => make("button", { type: "button", onclick: () => load(chosen) }, title)));
$("add-line").addEventListener("click", () => insert($("lines").lastElementChild));
$("script").addEventListener("submit", (event) => {
  event.preventDefault();
  play();
});
$("play-pause").addEventListener("click", () => {
  const paused = service.state === "paused";
  if (paused) service.resume();
  else service.pause();
  $("play-pause").lastElementChild?.replaceChildren(paused ? "Pause" : "Go on");
  say(paused ? "Speaking…" : "Paused.");
});
$("play-stop").addEventListener("click", stopDialogue);
load(script);
