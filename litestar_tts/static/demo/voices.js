// The list of voices, and the dialog in which one is chosen.

import { $, make, ttsService } from "./connection.js";

/** @typedef {import("../types.js").Voice} Voice */

const DEFAULT = "Server’s default voice";
const languages = new Intl.DisplayNames(["en"], { type: "language" });
const regions = new Intl.DisplayNames(["en"], { type: "region" });
/** Semitones that set a voice apart where no other of the wanted kind is there. */
const SHIFT = /** @type {Record<string, number>} */ ({ female: 4, male: -3 });

/** @type {Voice[]} */
let voices = [];
/** Engines that can speak just now. @type {string[]} */
let well = [];
let engine = "";
let active = -1;
/** @type {((voice: Voice | null) => void) | null} */
let chosen = null;
/** @type {{row: HTMLElement, words: string, engine: string, voice: Voice | null}[]} */
let rows = [];

/** @param {string} tag */
function languageName(tag) {
  try {
    // Dialects that have no name of their own (en-GB-x-gbclan) are called as their country's.
    const { language, script, region } = new Intl.Locale(tag);
    const name = languages.of(script ? `${language}-${script}` : language) ?? tag;
    return region ? `${name} (${regions.of(region)})` : name;
  } catch {
    return tag;
  }
}

/** @param {Voice | null} voice */
export function voiceTitle(voice) {
  if (!voice) return DEFAULT;
  const language = languageName(voice.language);
  // Some voices are called as their language.
  return `${voice.name} · ${voice.name.startsWith(language.split(" ")[0]) ? voice.engine : language}`;
}

/** How a request names a voice; without its engine, so that another can stand in. @param {Voice | null} voice @returns {Record<string, string>} */
export const voiceId = (voice) => (voice ? { voice: voice.id } : {});

/**
 * A voice for a role, of the first engine that is well and speaks the language; shifted where none is of the wanted kind.
 * @param {string} language
 * @param {string} gender
 * @param {(Voice | null)[]} taken
 */
export function cast(language, gender, taken) {
  const able = voices.filter((voice) => voice.language.split("-")[0] === language && well.includes(voice.engine));
  // As most people speak it: fr before fr-BE.
  const usual = [language, `${language}-${new Intl.Locale(language).maximize().region}`];
  const rank = (/** @type {Voice} */ voice) => Number(!usual.includes(voice.language));
  const own = able.filter((voice) => voice.engine === able[0].engine).sort((one, other) => rank(one) - rank(other));
  const fitting = own.filter((voice) => voice.gender?.toLowerCase() === gender);
  const voice = fitting.find((one) => !taken.includes(one)) ?? fitting[0] ?? own[0] ?? null;
  return { voice, pitch: voice && !fitting.includes(voice) ? SHIFT[gender] : 0 };
}

export async function loadVoices() {
  const [listed, { engines }] = await Promise.all([ttsService.listVoices(), ttsService.healthCheck()]);
  voices = listed;
  well = engines.filter(({ status }) => status === "ok").map(({ name }) => name);
  const names = [...new Set(voices.map((voice) => voice.engine))];
  $("voice-engines").replaceChildren(...["", ...names].map((name) => {
    const count = name ? voices.filter((voice) => voice.engine === name).length : voices.length;
    const button = make("button", { type: "button", onclick: () => filter(name) }, name || "All", make("small", {}, String(count)));
    button.dataset.engine = name;
    return button;
  }));
  fill();
}

function fill() {
  /** @type {Map<string, Voice[]>} */
  const groups = new Map();
  for (const voice of voices) {
    const title = languageName(voice.language);
    groups.set(title, [...(groups.get(title) ?? []), voice]);
  }
  // English first, since the page's samples are English; then by name.
  const rank = (/** @type {string} */ tag) => (tag === "en-US" ? 0 : tag.startsWith("en") ? 1 : 2);
  const order = [...groups].map(([title, list]) => ({ title, list, first: rank(list[0].language) }));
  order.sort((one, other) => one.first - other.first || one.title.localeCompare(other.title));
  rows = [];
  const first = make("div", { role: "group", ariaLabel: "Default" }, option(null, ""));
  $("voice-list").replaceChildren(first, ...order.map(({ title, list }, number) => {
    const heading = make("p", { id: `voice-group-${number}`, className: "group", role: "presentation" }, title);
    const group = make("div", { role: "group" }, heading, ...list.map((voice) => option(voice, title)));
    group.setAttribute("aria-labelledby", heading.id);
    return group;
  }));
  filter(engine);
}

/**
 * @param {Voice | null} voice
 * @param {string} language
 */
function option(voice, language) {
  const note = voice ? [voice.gender, voice.engine].filter(Boolean).join(" · ").toLowerCase() : "";
  const row = make("div", { role: "option", id: `voice-${rows.length}`, ariaSelected: "false" }, make("span", {}, voice?.name ?? DEFAULT), make("small", {}, note));
  const words = voice ? ` ${language} ${voice.language} ${voice.id} ${voice.name} ${voice.gender ?? ""} ${voice.engine}` : " default";
  rows.push({ row, words: words.toLowerCase(), engine: voice?.engine ?? "", voice });
  row.addEventListener("click", () => choose(voice));
  return row;
}

/** @param {string} name of the engine; "" for all */
function filter(name) {
  engine = name;
  // Parts match where words begin: "male" does not find "female".
  const parts = $("search", HTMLInputElement).value.toLowerCase().split(/\s+/).filter(Boolean);
  const patterns = parts.map((part) => new RegExp(`[^\\p{L}\\p{N}]${literally(part)}`, "u"));
  let count = 0;
  for (const { row, words, engine: own, voice } of rows) {
    const fits = (!engine || own === engine) && patterns.every((pattern) => pattern.test(words));
    row.hidden = !fits;
    if (fits && voice) count += 1;
  }
  for (const group of $("voice-list").children) /** @type {HTMLElement} */ (group).hidden = !group.querySelector("[role=option]:not([hidden])");
  for (const button of $("voice-engines").children) button.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (button).dataset.engine === engine));
  $("voice-count").textContent = count ? `${count} ${count === 1 ? "voice" : "voices"}` : "No voice has such a name.";
  activate(rows.findIndex(({ row }) => !row.hidden));
}

/** @param {string} text */
const literally = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");

/** @param {number} position */
function activate(position) {
  rows[active]?.row.classList.remove("active");
  active = position;
  const row = rows[position]?.row;
  row?.classList.add("active");
  row?.scrollIntoView({ block: "nearest" });
  if (row) $("search").setAttribute("aria-activedescendant", row.id);
  else $("search").removeAttribute("aria-activedescendant");
}

/** @param {number} step */
function walk(step) {
  let to = active;
  for (let left = Math.abs(step); left > 0; left--) {
    let next = to + Math.sign(step);
    while (rows[next]?.row.hidden) next += Math.sign(step);
    if (!rows[next]) break;
    to = next;
  }
  activate(to);
}

/** @param {Voice | null} voice */
function choose(voice) {
  chosen?.(voice);
  $("voices", HTMLDialogElement).close();
}

/**
 * Let the visitor choose.
 * @param {Voice | null} current
 * @param {(voice: Voice | null) => void} onChoice
 */
export function pickVoice(current, onChoice) {
  chosen = onChoice;
  $("search", HTMLInputElement).value = "";
  $("voices", HTMLDialogElement).showModal();
  filter("");
  for (const { row, voice } of rows) row.setAttribute("aria-selected", String(voice?.id === current?.id && voice?.engine === current?.engine));
  const at = rows.findIndex(({ row }) => row.getAttribute("aria-selected") === "true");
  activate(at);
  rows[at]?.row.scrollIntoView({ block: "center" });
  $("search").focus();
}

$("search").addEventListener("input", () => filter(engine));
$("search").addEventListener("keydown", (event) => {
  const steps = /** @type {Record<string, number>} */ ({ ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 })[event.key];
  if (steps) walk(steps);
  else if (event.key === "Enter") rows[active] && choose(rows[active].voice);
  else return;
  event.preventDefault();
});
$("voices-close").addEventListener("click", () => $("voices", HTMLDialogElement).close());
$("voices").addEventListener("click", (event) => {
  // Only the backdrop belongs to the dialog itself.
  if (event.target === $("voices")) $("voices", HTMLDialogElement).close();
});
