/**
 * `<tts-player>`: reads a text, or another element of the page, aloud; marks the word that is heard, and jumps to a word
 * that is clicked.
 */

import { ATTRIBUTES, PlayerAttributes, takeEarlyProperties } from "./player/attributes.js";
import { explain, fill, LABELS } from "./player/labels.js";
import { claimMediaKeys, commandOf, findFirst, readLabels, tellMediaKeys, voiceFor } from "./player/page.js";
import { Reader } from "./player/reader.js";
import { Source } from "./player/source.js";
import { sentenceAt, usualRate, wordStart } from "./player/text.js";
import { arrange, buildView, countDown, relabel, render, say, setSpeed } from "./player/view.js";
import { TTSService, ttsService } from "./tts.js";

/** @typedef {import("./player/labels.js").Labels} Labels */
/** @typedef {import("./player/reader.js").HeardWord} HeardWord */
/** @typedef {import("./player/reader.js").ReaderPhase} ReaderPhase */
/** @typedef {import("./types.js").ProgressEvent} ProgressEvent */
/** @typedef {{ finished: boolean, heardMs: number }} PlayerEnd Detail of `tts-end`. */
/**
 * @typedef {ProgressEvent & {
 *   offset: number, length: number, sentence: number, sentences: number, leftMs: number,
 * }} PlayerProgress Detail of `tts-progress`; `playedMs` counts from the beginning of the reading.
 */

// One voice at a time on a page, whichever service it comes from.
/** @type {TTSPlayer | null} */
let heard = null;

export class TTSPlayer extends PlayerAttributes {
  static observedAttributes = [...ATTRIBUTES, "labels"];

  #view = buildView(this.attachShadow({ mode: "open", delegatesFocus: true }));
  /** @type {TTSService | null} */ #given = null;
  /** @type {TTSService | null} */ #own = null;
  /** @type {Reader | null} */ #reader = null;
  /** @type {Source | null} */ #source = null;
  /** @type {HeardWord | null} */ #word = null;
  /** @type {Partial<Labels>} */ #labels = {};
  /** @type {"ready" | "finished" | "stopped" | "failed"} */ #outcome = "ready";
  #offset = 0;
  #isStale = false;
  #isPreview = false;
  #isConnected = false;
  #attempt = 0;
  #onPageKey = (/** @type {KeyboardEvent} */ event) => this.#pageKey(event);

  constructor() {
    super();
    const { play, stop, previous, next, speed, position, player } = this.#view;
    play.addEventListener("click", () => (this.#isGoing ? this.pause() : this.play()));
    stop.addEventListener("click", () => this.stop());
    previous.addEventListener("click", () => this.#step(-1));
    next.addEventListener("click", () => this.#step(1));
    speed.addEventListener("change", () => (this.speed = Number(speed.value)));
    position.addEventListener("input", () => this.#slide(true));
    position.addEventListener("change", () => this.#slide(false));
    player.addEventListener("keydown", (event) => this.#key(event));
    setSpeed(this.#view, 1);
  }

  connectedCallback() {
    if (this.#isConnected) return;
    this.#isConnected = true;
    takeEarlyProperties(this, [...ATTRIBUTES, "labels", "service"]);
    document.addEventListener("keydown", this.#onPageKey);
    this.#relabel();
    // What it reads may stand after it, and not be parsed yet.
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => this.#isConnected && this.#load(), { once: true });
    else this.#load();
  }

  disconnectedCallback() {
    // Moved within the page is not left.
    queueMicrotask(() => {
      if (this.isConnected || !this.#isConnected) return;
      this.#isConnected = false;
      this.stop();
      this.#own?.close();
      this.#source?.close();
      this.#source = null;
      document.removeEventListener("keydown", this.#onPageKey);
    });
  }

  /** @param {string} name @param {string | null} old @param {string | null} value */
  attributeChangedCallback(name, old, value) {
    if (old === value) return;
    if (name === "speed") setSpeed(this.#view, this.speed);
    if (name === "labels") this.labels = readLabels(value);
    else if (name === "label") this.#relabel();
    else if (name === "compact") arrange(this.#view, value !== null);
    else if (name === "base") this.#changeService();
    else if (name === "voice" || name === "speed" || name === "pitch") this.#respeak();
    else if (this.#isConnected && document.readyState !== "loading") {
      this.stop();
      this.#outcome = "ready";
      this.#load();
    }
  }

  /** What the player says in words, where it differs from the English of `player-labels.js`. @returns {Partial<Labels>} */
  get labels() {
    return this.#labels;
  }
  set labels(value) {
    this.#labels = { ...value };
    this.#relabel();
  }

  /** Who speaks: the page's `ttsService`, or one for `base`, or the one that you set. @returns {TTSService} */
  get service() {
    if (this.#given) return this.#given;
    if (!this.base) return ttsService;
    this.#own ??= new TTSService({ baseURL: new URL(this.base, document.baseURI) });
    return this.#own;
  }
  set service(service) {
    this.#given = service;
    this.#changeService();
  }

  /** @returns {ReaderPhase} */
  get state() {
    return this.#reader?.phase ?? "idle";
  }
  /** Place in `content` of what is heard, or of where Play begins. */
  get offset() {
    return this.state === "idle" ? this.#offset : (this.#reader?.offset ?? 0);
  }
  /** The text as it is read; offsets count in it. */
  get content() {
    return (this.#source ?? this.#load()).article.text;
  }

  /** Begins, or goes on. Call it in a click or key press: browsers allow no sound before one. */
  play() {
    if (this.#isGoing) return;
    const reader = this.#reader;
    if (this.state !== "paused" || !reader || reader.suspended || this.#isStale) {
      this.#start(this.offset);
      return;
    }
    this.#takeOver();
    reader.resume();
  }

  pause() {
    this.#attempt++;
    this.#reader?.pause();
  }

  /** Silent at once, and back to the beginning. */
  stop() {
    this.#attempt++;
    this.#offset = 0;
    if (this.state !== "idle") this.#reader?.stop();
    else this.#source?.unmark();
    this.#show();
  }

  /** Jumps to the word at a place in `content`, and goes on reading if it reads. @param {number} offset */
  seek(offset) {
    const { article } = this.#source ?? this.#load();
    const place = wordStart(article, Math.max(0, Math.min(offset, article.text.length - 1)));
    if (this.#isGoing) this.#start(place);
    else this.#moveTo(place);
  }

  get #isGoing() {
    return this.state !== "idle" && this.state !== "paused";
  }

  get #words() {
    return { ...LABELS, ...this.#labels };
  }

  #relabel() {
    relabel(this.#view, this.#words, this.label || this.#words.player);
    this.#show();
  }

  #takeOver() {
    if (heard && heard !== this) heard.#reader?.suspend();
    heard = this;
  }

  /** @param {number} offset */
  async #start(offset) {
    const attempt = ++this.#attempt;
    const place = this.#freshPlace(offset);
    const { article } = /** @type {Source} */ (this.#source);
    say(this.#view, "");
    this.#isStale = false;
    this.#outcome = "ready";
    if (!article.sentences.length) {
      const isMissing = this.source && !this.#source?.element;
      this.#fail(isMissing ? fill(this.#words.noSource, { source: this.source }) : this.#words.nothing);
      return;
    }
    this.#takeOver();
    const { service } = this;
    let { voice } = this;
    const [language] = article.lang.toLowerCase().split("-");
    if (!voice && language && language !== "en") {
      // Sound has to be unlocked before anything is awaited.
      service.initialize().catch(() => {});
      voice = (await voiceFor(service, article.lang)) ?? "";
      if (attempt !== this.#attempt) return;
    }
    this.#reader ??= this.#makeReader(service);
    this.#source?.follow();
    this.#reader.read(article, place, {
      ...(voice && { voice }),
      ...(this.hasAttribute("speed") && { speed: this.speed }),
      ...(this.hasAttribute("pitch") && { pitch: this.pitch }),
    });
    claimMediaKeys(this.label || document.title, {
      play: () => this.play(),
      pause: () => this.pause(),
      stop: () => this.stop(),
      previoustrack: () => this.#step(-1),
      nexttrack: () => this.#step(1),
    });
  }

  /** The page may show another text by now; the same sentence is looked for in it. @param {number} offset */
  #freshPlace(offset) {
    const old = this.#source?.article;
    const { article } = this.#load();
    if (!old || old.text === article.text || !offset) return offset;
    const sentence = old.sentences[sentenceAt(old, offset)] ?? { start: 0, end: 0 };
    const found = article.text.indexOf(old.text.slice(sentence.start, sentence.end));
    return found < 0 ? 0 : found + offset - sentence.start;
  }

  #load() {
    this.#source?.close();
    const root = this.getRootNode();
    const roots = root instanceof ShadowRoot ? [root, document] : [document];
    const element = this.source ? findFirst(roots, this.source) : this.text ? null : this;
    this.#source = new Source(
      element,
      { text: this.source ? "" : this.text, lang: this.closest("[lang]")?.getAttribute("lang") ?? "", skip: this.skip, code: this.code },
      { jump: (offset) => this.#jump(offset), change: () => this.#textChanged() },
    );
    const { text, runs } = this.#source.article;
    this.#view.caption.hidden = !text || runs.length > 0;
    this.#show();
    return this.#source;
  }

  /** @param {TTSService} service */
  #makeReader(service) {
    return new Reader(service, {
      phase: (phase) => this.#enter(phase),
      start: (info) => this.#emit("start", info),
      word: (word) => this.#hear(word),
      viseme: (viseme) => this.#emit("viseme", viseme),
      frame: (frame) => this.#emit("frame", frame),
      progress: (progress) => this.#progress(progress),
      wait: (seconds) => countDown(this.#view, fill(this.#words.busy, { seconds })),
      end: (finished) => this.#ended(finished),
      error: (error, goesOn) => {
        if (!goesOn) this.#fail(explain(error, this.#words, this.voice));
        this.#emit("error", error);
      },
    });
  }

  /** @param {string} name @param {unknown} detail */
  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(`tts-${name}`, { detail, bubbles: true, composed: true }));
  }

  /** @param {ReaderPhase} phase */
  #enter(phase) {
    if (phase === "playing" || phase === "loading") say(this.#view, "");
    if (heard === this) tellMediaKeys(phase === "idle" ? "none" : phase === "paused" ? "paused" : "playing");
    this.#show();
  }

  /** @param {HeardWord} word */
  #hear(word) {
    this.#word = word;
    this.#source?.mark(word);
    this.#emit("word", word);
    this.#show();
  }

  /** @param {ProgressEvent} progress */
  #progress(progress) {
    this.#show();
    const { article } = /** @type {Source} */ (this.#source);
    const { offset } = this;
    const length = article.text.length;
    const leftMs = ((length - offset) * 1000) / (this.#reader?.rate ?? 1);
    const sentences = article.sentences.length;
    this.#emit("progress", /** @satisfies {PlayerProgress} */ ({ ...progress, offset, length, sentence: sentenceAt(article, offset), sentences, leftMs }));
  }

  /** @param {boolean} finished */
  #ended(finished) {
    this.#offset = 0;
    this.#word = null;
    this.#source?.unmark();
    this.#outcome = finished ? "finished" : "stopped";
    if (heard === this) heard = null;
    this.#show();
    this.#emit("end", /** @satisfies {PlayerEnd} */ ({ finished, heardMs: this.#reader?.heardMs ?? 0 }));
  }

  /** @param {string} message */
  #fail(message) {
    this.#outcome = "failed";
    say(this.#view, message);
    this.#show();
  }

  #show() {
    if (!this.#source) return;
    const { article } = this.#source;
    render(this.#view, {
      phase: this.state,
      outcome: this.#outcome,
      labels: this.#words,
      article,
      offset: this.offset,
      heardMs: this.#reader?.playingMs ?? 0,
      rate: this.state === "idle" ? usualRate(article.text) * this.speed : (this.#reader?.rate ?? 1),
      word: this.#word,
      preview: this.#isPreview,
    });
  }

  /** Where it goes on when it is not reading now. @param {number} place */
  #moveTo(place) {
    this.#offset = place;
    if (this.#reader) this.#reader.offset = place;
    this.#isStale = this.state === "paused";
    this.#word = null;
    this.#source?.markPlace(place);
    this.#show();
  }

  /** A word of the source was clicked. @param {number} offset */
  #jump(offset) {
    if (this.state === "idle") return; // to one who does not listen it is an ordinary page
    if (this.state === "paused") this.#moveTo(offset);
    if (this.#isGoing) this.#start(offset);
    else this.play();
  }

  /** @param {number} by Sentences. */
  #step(by) {
    const { article } = this.#source ?? this.#load();
    const { sentences } = article;
    const { offset } = this;
    const at = sentenceAt(article, offset);
    // Back goes to the beginning of the sentence first, and from there to the one before.
    const isWithin = by === -1 && offset - (sentences[at]?.start ?? 0) > 12;
    const to = sentences[Math.max(0, Math.min(isWithin ? at : at + by, sentences.length - 1))];
    if (to && (by < 0 || to.start > offset)) this.seek(to.start);
  }

  /** @param {boolean} isPreview The thumb is still held. */
  #slide(isPreview) {
    this.#isPreview = isPreview;
    const { article } = this.#source ?? this.#load();
    const to = article.sentences[sentenceAt(article, Number(this.#view.position.value))];
    if (!isPreview && to) this.seek(to.start);
    else this.#show();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { speed, position, play } = this.#view;
    if (event.target === speed && event.key !== "Escape") return;
    const isRightToLeft = getComputedStyle(this).direction === "rtl";
    const command = commandOf(event, { isSlider: event.target === position, isRightToLeft });
    if (command === null) return;
    event.preventDefault();
    if (command === "stop") this.stop();
    else if (command === "toggle") play.click();
    else this.#step(command);
  }

  /** Escape stops wherever one reads, but not where it has another meaning. @param {KeyboardEvent} event */
  #pageKey(event) {
    if (event.key !== "Escape" || event.defaultPrevented || this.state === "idle") return;
    const target = /** @type {Element} */ (event.target);
    if (target === document.body || target === document.documentElement || this.#source?.element?.contains(target)) this.stop();
  }

  #textChanged() {
    if (this.state === "idle") this.#load();
    // What is being said still belongs to the old text; Play after a pause reads the new one.
    else this.#isStale = true;
  }

  #changeService() {
    this.#reader?.stop();
    this.#own?.close();
    this.#reader = this.#own = null;
    this.#show();
  }

  /** Another voice, speed or pitch: from the word that is heard on, or at the next Play. */
  #respeak() {
    if (this.#isGoing) this.#start(this.offset);
    else this.#isStale = this.state === "paused";
    this.#show();
  }
}
