// The page's connection to its API: the shipped client, the key, and what goes wrong in words.

/** @typedef {import("../types.js").Voice} Voice */
/** @typedef {import("../types.js").Health} Health */

/**
 * The element with an id.
 * @template {Element} [T=HTMLElement]
 * @param {string} id
 * @param {new () => T} [kind]
 * @returns {T}
 */
export function $(id, kind) {
  const found = document.getElementById(id);
  if (!found || (kind && !(found instanceof kind))) throw new Error(`the page has no ${kind?.name ?? "element"} #${id}`);
  return /** @type {T} */ (/** @type {unknown} */ (found));
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Partial<HTMLElementTagNameMap[K]>} [properties] role and aria… become attributes, which all browsers know
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "role") element.setAttribute(key, value);
    else if (key.startsWith("aria")) element.setAttribute(`aria-${key.slice(4).toLowerCase()}`, value);
    else /** @type {any} */ (element)[key] = value;
  }
  element.append(...children);
  return element;
}

/** @param {string} path of a picture 24 wide and high */
export function icon(path) {
  const [svg, shape] = ["svg", "path"].map((name) => document.createElementNS("http://www.w3.org/2000/svg", name));
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

export const api = new URL(`${(document.body.dataset.api ?? "").replace(/\/$/, "")}/`, location.href);
export const maxLength = Number(document.body.dataset.maxLength);
/** @param {number} pitch */
export const semitones = (pitch) => `${signed(pitch)} semitones`;
/** @param {number} number */
export const signed = (number) => `${number > 0 ? "+" : number < 0 ? "−" : ""}${Math.abs(number)}`;
export const calm = matchMedia("(prefers-reduced-motion: reduce)");

const RETRY_MS = 5000;
let key = "";
let retry = 0;
/** @type {(() => unknown)[]} */
const waiting = [];

const headers = () => /** @type {Record<string, string>} */ (key ? { Authorization: `Bearer ${key}` } : {});

// Set before the modules that use them are loaded: some browsers lose their way where a module awaits at its top.
/** @type {import("../tts.js").TTSService} */
export let ttsService;
/** @type {typeof import("../tts.js").TTSService} */
let Service;

/** Loads the client from the API itself, so that the page and its elements share one. */
export async function loadClient() {
  try {
    ({ ttsService, TTSService: Service } = await import(new URL("client/tts.js", api).href));
  } catch (error) {
    notice("The speech client cannot be loaded from this server. Reload the page when the server is back.", false);
    throw error;
  }
  ttsService.headers = headers;
}

/** Another service on the same API: its own queue, sound and events. */
export const newService = () => new Service({ baseURL: api, headers });

/** Whether requests need a key: that of the page's field, or the password that the browser sends by itself. */
export const needsKey = () => key !== "" || document.body.dataset.asksForKeys === "true";

/**
 * Call `load` now, and again when the server is back or the key has come.
 * @param {() => Promise<unknown>} load
 */
export async function connect(load) {
  try {
    await load();
    if (!waiting.length) hideNotice();
  } catch (error) {
    waiting.push(() => connect(load));
    explain(error);
  }
}

function again() {
  clearTimeout(retry);
  for (const load of waiting.splice(0)) load();
  if (!waiting.length) hideNotice();
}

function hideNotice() {
  $("notice").hidden = true;
}

/**
 * @param {string} text
 * @param {boolean} canRetry
 */
function notice(text, canRetry) {
  if ($("notice-text").textContent !== text || $("notice").hidden) $("notice-text").textContent = text;
  $("notice").hidden = false;
  $("notice-retry").hidden = !canRetry;
}

/** @param {unknown} error */
function explain(error) {
  if (isKeyMissing(error)) return;
  notice(inWords(error), true);
  clearTimeout(retry);
  retry = setTimeout(again, RETRY_MS);
}

/** @param {unknown} error */
function isKeyMissing(error) {
  if (/** @type {any} */ (error)?.status !== 401) return false;
  $("key-form").hidden = false;
  return true;
}

/**
 * What went wrong and what to do, for people.
 * @param {unknown} error
 */
export function inWords(error) {
  const { code, status, retryAfter, problem, message, name } = /** @type {any} */ (error ?? {});
  if (isKeyMissing(error)) return key ? "The server does not know this API key." : "The server wants an API key first: there is a field for it above.";
  if (name === "TimeoutError") return "The server took too long.";
  if (code === "network" || error instanceof TypeError) return navigator.onLine ? "The server cannot be reached. Is it still running?" : "This device is offline.";
  if (code === "autoplay-blocked") return "The browser wants a click before it lets a page speak: press the button once more.";
  if (status === 429) return `That was a lot of speech. The server has room again in ${Math.ceil(retryAfter ?? 60)} seconds.`;
  if (status === 503) return `${problem?.detail ?? "No voice can speak just now."}${retryAfter ? ` Try again in ${Math.ceil(retryAfter)} seconds.` : ""}`;
  if (code === "truncated") return "The connection was cut before the end of the speech.";
  if (code === "decode") return "This browser cannot play that format; choose MP3.";
  return problem?.detail ?? message ?? "Something went wrong.";
}

/** @param {unknown} error */
export const isAbort = (error) => /** @type {any} */ (error)?.name === "AbortError";

$("notice-retry").addEventListener("click", again);
addEventListener("online", again);
addEventListener("offline", () => {
  waiting.push(() => hideNotice());
  notice("This device is offline. The page goes on when it is back.", false);
});
$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  key = $("key", HTMLInputElement).value.trim();
  $("key-form").hidden = true;
  again();
});
