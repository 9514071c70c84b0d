// Figures of this run, and of the runs before.

import { $, make } from "./connection.js";

/** @typedef {import("../types.js").Voice} Voice */
/** @typedef {import("../types.js").SpeechStats} Stats */
/** @typedef {{text: string, voice: Voice | null, fields: Record<string, unknown>}} Said */

const KEPT = 8;
/** @param {number} value */
const milliseconds = (value) => `${Math.round(value)} ms`;
/** @param {number} value */
const seconds = (value) => `${(value / 1000).toFixed(2)} s`;
/** @param {number} value */
const size = (value) => `${(value / 1024).toFixed(value < 102_400 ? 1 : 0)} KiB`;

export class Runs {
  #again;

  /** @param {(said: Said) => void} again says one of them once more */
  constructor(again) {
    this.#again = again;
  }

  clear() {
    for (const name of ["byte", "first", "length", "visemes", "engine", "voice", "bytes", "underruns", "decoder"]) this.#set(name, "–");
  }

  /**
   * @param {{engine: string, voice: string}} info
   * @param {string} [wanted] the engine that was asked for
   */
  start({ engine, voice }, wanted = engine) {
    this.#set("engine", engine === wanted ? engine : `${engine}, for ${wanted}`);
    this.#set("voice", voice);
  }

  /**
   * As soon as it is known; the client's own figures come at the end.
   * @param {"byte" | "first"} name
   * @param {number} waited milliseconds since the request
   */
  waited(name, waited) {
    this.#set(name, milliseconds(waited));
  }

  /** @param {number} count */
  visemes(count) {
    this.#set("visemes", String(count));
  }

  /** @param {import("../types.js").ProgressEvent} progress */
  progress({ bytes, underruns, durationMs }) {
    this.#set("bytes", size(bytes));
    this.#set("underruns", String(underruns));
    if (durationMs) this.#set("length", seconds(durationMs));
  }

  /**
   * @param {Stats} stats
   * @param {Said} said
   */
  end(stats, said) {
    this.start(stats, said.voice?.engine);
    this.#set("byte", milliseconds(stats.firstByteMs));
    this.#set("first", milliseconds(stats.firstSoundMs));
    this.#set("length", seconds(stats.durationMs));
    this.#set("visemes", String(stats.visemes));
    this.#set("bytes", size(stats.bytes));
    this.#set("underruns", String(stats.underruns));
    this.#set("decoder", stats.decoder);
    const button = make("button", { type: "button", className: "link", title: "Say it again", onclick: () => this.#again(said) }, said.text.length > 60 ? `${said.text.slice(0, 59)}…` : said.text);
    const cells = [stats.voice, milliseconds(stats.firstByteMs), milliseconds(stats.firstSoundMs), seconds(stats.durationMs)];
    $("runs").prepend(make("tr", {}, make("td", {}, button), ...cells.map((text) => make("td", {}, text))));
    while ($("runs").childElementCount > KEPT) $("runs").lastElementChild?.remove();
    $("runs-area").hidden = false;
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  #set(name, text) {
    const cell = $(`fact-${name}`);
    if (cell.textContent !== text) cell.textContent = cell.title = text;
  }
}
