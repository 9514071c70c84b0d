/** What one sees of the player: its controls in a shadow root. What they do is told by the element. */

import { fill } from "./labels.js";
import { STYLE } from "./style.js";
import { leftMs, sentenceAt } from "./text.js";

const ICONS = {
  play: "M8 5.2v13.6c0 .9 1 1.5 1.8 1l10.7-6.8c.7-.5.7-1.5 0-2L9.8 4.2C9 3.7 8 4.3 8 5.2z",
  pause: "M7.5 4.5h2A1.5 1.5 0 0 1 11 6v12a1.5 1.5 0 0 1-1.5 1.5h-2A1.5 1.5 0 0 1 6 18V6a1.5 1.5 0 0 1 1.5-1.5zm7 0h2A1.5 1.5 0 0 1 18 6v12a1.5 1.5 0 0 1-1.5 1.5h-2A1.5 1.5 0 0 1 13 18V6a1.5 1.5 0 0 1 1.5-1.5z",
  stop: "M7.5 6h9A1.5 1.5 0 0 1 18 7.5v9a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 6 16.5v-9A1.5 1.5 0 0 1 7.5 6z",
  previous: "M6 6a1 1 0 0 1 2 0v5l8.4-5.6c.7-.45 1.6 0 1.6.8v11.6c0 .8-.900 1.25-1.6.8L8 13v5a1 1 0 0 1-2 0z",
  next: "M18 6a1 1 0 0 0-2 0v5L7.6 5.4C6.9 4.95 6 5.4 6 6.2v11.6c0 .8.9 1.25 1.6.8L16 13v5a1 1 0 0 0 2 0z",
};
const SPIN = "M12 3.5a8.5 8.5 0 1 1-8.5 8.5";
const SPEEDS = [0.75, 1, 1.25, 1.5, 1.75, 2];

/** @typedef {ReturnType<typeof buildView>} View */

/** @type {CSSStyleSheet | undefined} */
let sheet;

/** @param {ShadowRoot} root */
export function buildView(root) {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
  }
  root.adoptedStyleSheets = [sheet];
  const play = button("play", ICONS.play);
  const spinner = /** @type {SVGPathElement} */ (play.querySelector("path")?.cloneNode());
  spinner.setAttribute("d", SPIN);
  spinner.setAttribute("class", "spin");
  spinner.setAttribute("stroke-width", "2.6");
  spinner.setAttribute("stroke-linecap", "round");
  play.querySelector("svg")?.append(spinner);
  // The spinner turns about the middle of the icon, not about its own box.
  spinner.setAttribute("transform-origin", "12 12");
  const view = {
    player: make("div", { class: "player", part: "player", role: "group" }),
    play,
    stop: button("stop", ICONS.stop),
    previous: button("previous", ICONS.previous),
    next: button("next", ICONS.next),
    speed: /** @type {HTMLSelectElement} */ (make("select", { part: "speed" })),
    seek: make("div", { class: "seek", part: "seek" }),
    position: /** @type {HTMLInputElement} */ (make("input", { type: "range", part: "position", min: "0", step: "1" })),
    title: make("p", { class: "title", part: "title", dir: "auto" }),
    state: make("p", { class: "state", part: "state", role: "status" }),
    heard: make("p", { class: "heard", part: "time" }),
    left: make("p", { class: "left", part: "time" }),
    caption: make("p", { class: "caption", part: "caption", dir: "auto" }),
    error: make("p", { class: "error", part: "error", role: "alert", dir: "auto" }),
    countdown: make("p", { class: "error", part: "error", "aria-hidden": "true", dir: "auto" }),
    body: make("slot", { class: "body" }),
  };
  view.seek.append(view.position);
  const facts = make("div", { class: "facts" }, view.state, view.heard, view.left);
  const text = make("div", { class: "text" }, view.title, facts);
  const controls = make("div", { class: "controls", part: "controls" }, view.previous, view.stop, view.next, make("div", { class: "speed" }, view.speed));
  const row = make("div", { class: "row" }, view.play, text, controls);
  view.player.append(row, view.seek, view.caption, view.error, view.countdown);
  root.append(view.player, view.body);
  return view;
}

/**
 * @typedef {{
 *   phase: import("./reader.js").ReaderPhase, outcome: "ready" | "finished" | "stopped" | "failed",
 *   labels: import("./labels.js").Labels, article: import("./text.js").Article, offset: number, heardMs: number,
 *   rate: number, word: import("./text.js").Span | null, preview: boolean,
 * }} State
 */

/** @param {View} view @param {State} state */
export function render(view, { phase, outcome, labels, article, offset, heardMs, rate, word, preview }) {
  const { player, play, stop, previous, next, position, seek, state, heard, left } = view;
  const isGoing = phase !== "idle" && phase !== "paused";
  const hasFailed = outcome === "failed" && !isGoing;
  player.classList.toggle("loading", phase === "loading");
  player.classList.toggle("waiting", phase === "waiting");
  play.querySelector(".shape")?.setAttribute("d", isGoing ? ICONS.pause : ICONS.play);
  play.setAttribute("aria-label", isGoing ? labels.pause : labels.play);
  const ends = { ready: labels.idle, finished: labels.finished, stopped: labels.stopped, failed: labels.failed };
  setText(state, phase === "idle" || hasFailed ? ends[outcome] : labels[phase]);

  const { sentences, text } = article;
  const at = sentenceAt(article, offset);
  setEnabled(stop, phase !== "idle" || offset > 0);
  setEnabled(previous, sentences.length > 0 && offset > sentences[0].start);
  setEnabled(next, at < sentences.length - 1);
  position.max = String(Math.max(1, text.length - 1));
  if (!preview) position.value = String(offset);
  seek.style.setProperty("--done", String(Number(position.value) / Number(position.max)));
  const number = sentences.length && sentenceAt(article, Number(position.value)) + 1;
  position.setAttribute("aria-valuetext", fill(labels.positionText, { number, count: sentences.length }));
  const isBegun = phase !== "idle";
  setText(heard, isBegun ? fill(labels.heard, { time: clock(heardMs) }) : "");
  setText(left, sentences.length ? fill(isBegun ? labels.left : labels.whole, { time: clock(leftMs(article, offset, rate)) }) : "");
  if (view.caption.hidden) return;
  view.caption.lang = article.lang;
  caption(view, text, sentences[at], word);
}

/** One row when it is compact. @param {View} view @param {boolean} compact */
export function arrange(view, compact) {
  const row = /** @type {Element} */ (view.play.parentElement);
  const focused = /** @type {ShadowRoot} */ (row.getRootNode()).activeElement;
  if (compact) view.play.after(view.seek);
  else row.after(view.seek);
  if (focused instanceof HTMLElement) focused.focus(); // moving an element takes its focus away
}

/** @param {View} view @param {number} speed */
export function setSpeed(view, speed) {
  const speeds = SPEEDS.includes(speed) ? SPEEDS : [...SPEEDS, speed].sort((a, b) => a - b);
  view.speed.replaceChildren(...speeds.map((one) => new Option(`${one}×`, String(one), false, one === speed)));
  view.speed.value = String(speed);
}

/** @param {View} view @param {import("./labels.js").Labels} labels @param {string} name */
export function relabel({ player, title, stop, previous, next, speed, position }, labels, name) {
  player.setAttribute("aria-label", name);
  setText(title, name);
  for (const [control, label] of /** @type {const} */ ([
    [stop, labels.stop],
    [previous, labels.previous],
    [next, labels.next],
  ])) {
    control.setAttribute("aria-label", label);
    control.title = label;
  }
  speed.setAttribute("aria-label", labels.speed);
  position.setAttribute("aria-label", labels.position);
}

/** What has to be read by whoever listens; empty: nothing any more. @param {View} view @param {string} message */
export function say({ error, countdown }, message) {
  error.classList.remove("unseen");
  setText(error, message);
  setText(countdown, "");
}

/** Told once; the seconds that run down are for the eye alone. @param {View} view @param {string} message */
export function countDown({ error, countdown }, message) {
  if (!countdown.textContent) setText(error, message);
  error.classList.add("unseen");
  setText(countdown, message);
}

/**
 * The sentence that is read, with its word marked.
 *
 * @param {View} view
 * @param {string} text
 * @param {import("./text.js").Span | undefined} sentence
 * @param {import("./text.js").Span | null} word
 */
function caption(view, text, sentence, word) {
  const { start, end } = sentence ?? { start: 0, end: 0 };
  const mark = make("mark", {});
  mark.textContent = word ? text.slice(word.start, word.end) : "";
  view.caption.replaceChildren(...(word ? [text.slice(start, word.start), mark, text.slice(word.end, end)] : [text.slice(start, end)]));
}

/** Not `disabled`, which would throw the focus away. @param {HTMLElement} control @param {boolean} enabled */
function setEnabled(control, enabled) {
  if (enabled) control.removeAttribute("aria-disabled");
  else control.setAttribute("aria-disabled", "true");
}

/** @param {HTMLElement} element @param {string} text */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Minutes and seconds. @param {number} ms */
function clock(ms) {
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const rest = String(seconds % 60).padStart(2, "0");
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

/** @param {string} name @param {string} path */
function button(name, path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  shape.setAttribute("class", "shape");
  shape.setAttribute("d", path);
  svg.append(shape);
  return /** @type {HTMLButtonElement} */ (make("button", { type: "button", class: name, part: `button ${name}` }, svg));
}

/** @param {string} tag @param {Record<string, string>} attributes @param {Node[]} children */
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
