/**
 * Reads an article aloud: speaks it section by section through a TTSService, keeps the next ones coming, and knows where
 * in the text the sound is.
 */

import { nextSection, usualRate, wordStart } from "./text.js";
import { WordFinder } from "./words.js";

/** @typedef {import("../types.js").SpeechOptions} SpeechOptions */
/** @typedef {import("../types.js").WordEvent} WordEvent */
/** @typedef {import("../tts.js").TTSService} TTSService */
/** @typedef {import("../tts.js").TTSError} TTSError */
/** @typedef {import("./text.js").Article} Article */
/** @typedef {import("./text.js").Section} Section */
/** @typedef {import("./text.js").Span} Span */
/** @typedef {"idle" | "loading" | "playing" | "paused" | "waiting"} ReaderPhase `waiting`: the server asked for a rest. */
/** @typedef {Span & WordEvent} HeardWord The word, and where in the text it stands. */
/**
 * @typedef {{
 *   section: Section, finder: WordFinder, abort: AbortController, done: Promise<unknown>,
 *   playedMs: number, durationMs: number | null, words: number,
 * }} Item An utterance that was handed to the service.
 */
/** @typedef {{ article: Article, from: number, speech: SpeechOptions, queue: Item[], size: number, retries: number }} Run */
/**
 * @typedef {{
 *   phase(phase: ReaderPhase): void,
 *   start(info: import("../types.js").SpeechInfo): void,
 *   word(word: HeardWord): void,
 *   viseme(viseme: import("../types.js").VisemeEvent): void,
 *   frame(frame: import("../types.js").FrameEvent): void,
 *   progress(progress: import("../types.js").ProgressEvent): void,
 *   wait(seconds: number): void,
 *   end(finished: boolean): void,
 *   error(error: Error, goesOn: boolean): void,
 * }} Listener
 */

// Small at first, so that sound comes at once; longer later, because voices phrase better what they know whole.
const FIRST_SIZE = 120;
const FULL_SIZE = 600;
/** What any sensible server takes, until it has said its own limit. */
const SAFE_LIMIT = 200;
/** Characters to have asked for beyond what is heard. */
const READ_AHEAD = 500;
/** With less to be heard, silence is a lack of sound. */
const SCARCE_MS = 50;
const MOST_WAITING = 4;
const LONGEST_REST_S = 120;
const MOST_RETRIES = 3;

/** @type {WeakMap<TTSService, number>} */
const limits = new WeakMap();
/** @type {WeakMap<TTSService, Promise<unknown>>} */
const greetings = new WeakMap();

export class Reader {
  /** @type {ReaderPhase} */ phase = "idle";
  /** Place in the text of what is heard. */
  offset = 0;
  /** Milliseconds of speech heard since reading began, without the utterance that is heard. */
  heardMs = 0;
  /** @type {Run | null} */ #run = null;
  /** @type {Listener} */ #listener;
  #letters = 0;
  #lettersMs = 0;
  #rate = 14;
  #isAnnounced = false;

  /** @param {TTSService} service @param {Listener} listener */
  constructor(service, listener) {
    this.service = service;
    this.#listener = listener;
  }

  /**
   * Call it inside a click: sound is unlocked before anything is awaited.
   *
   * @param {Article} article
   * @param {number} from Place in the text.
   * @param {SpeechOptions} speech
   */
  read(article, from, speech) {
    this.#drop();
    if (this.phase === "idle") {
      this.heardMs = 0;
      this.#isAnnounced = false;
    }
    greet(this.service);
    this.offset = from;
    this.#rate = usualRate(article.text) * (speech.speed ?? 1);
    this.#letters = this.#lettersMs = 0;
    /** @type {Run} */
    const run = { article, from, speech, queue: [], size: FIRST_SIZE, retries: 0 };
    this.#run = run;
    this.#enter("loading");
    this.#go(run);
  }

  pause() {
    if (this.phase === "waiting") this.suspend();
    if (this.phase !== "loading" && this.phase !== "playing") return;
    this.service.pause();
    this.#enter("paused");
  }

  /** @returns {boolean} False: the sound was given up, and has to be asked for again. */
  resume() {
    if (!this.#run) return false;
    this.service.resume();
    this.#enter(this.#run.queue[0]?.playedMs ? "playing" : "loading");
    return true;
  }

  /** Silent, with the place kept: another player wants to be heard. */
  suspend() {
    if (this.phase === "idle") return;
    this.#drop();
    this.#enter("paused");
  }

  stop() {
    if (this.phase === "idle") return;
    this.#drop();
    this.#enter("idle");
    this.#listener.end(false);
  }

  /** Milliseconds heard up to now. */
  get playingMs() {
    return this.heardMs + (this.#run?.queue[0]?.playedMs ?? 0);
  }

  /** Whether what is said can go on where it is, or has to be asked for again. */
  get suspended() {
    return this.phase === "paused" && !this.#run;
  }

  /** Characters a second, from what was heard so far. */
  get rate() {
    return this.#lettersMs > 2000 ? (this.#letters * 1000) / this.#lettersMs : this.#rate;
  }

  /** @param {ReaderPhase} phase */
  #enter(phase) {
    if (phase === this.phase) return;
    this.phase = phase;
    this.#listener.phase(phase);
  }

  #drop() {
    const run = this.#run;
    this.#run = null;
    if (!run) return;
    this.heardMs += run.queue[0]?.playedMs ?? 0;
    for (const item of run.queue) item.abort.abort();
    if (this.phase === "paused") this.service.resume(); // or whatever is said next would stand still too
  }

  /** @param {Run} run */
  async #go(run) {
    try {
      for (this.#fill(run); run.queue.length; this.#fill(run)) {
        const [item] = run.queue;
        await item.done;
        if (run !== this.#run) return;
        this.heardMs += item.playedMs;
        this.#letters += item.section.end - item.section.start;
        this.#lettersMs += item.playedMs;
        run.queue.shift();
        run.retries = 0;
      }
    } catch (error) {
      if (run === this.#run) await this.#fail(run, /** @type {TTSError} */ (error));
      return;
    }
    this.#run = null;
    this.offset = 0;
    this.#enter("idle");
    this.#listener.end(true);
  }

  /** @param {Run} run */
  #fill(run) {
    for (;;) {
      const waiting = run.queue.slice(1).reduce((sum, item) => sum + item.section.text.length, 0);
      if (run.queue.length > MOST_WAITING || waiting > READ_AHEAD) return;
      const limit = limits.get(this.service) ?? SAFE_LIMIT;
      const section = nextSection(run.article, run.from, run.size, limit);
      if (!section) return;
      run.from = section.end;
      run.size = Math.min(FULL_SIZE, run.size * 2);
      run.queue.push(this.#say(run, section));
    }
  }

  /** @param {Run} run @param {Section} section @returns {Item} */
  #say(run, section) {
    const finder = new WordFinder(run.article.text.slice(section.start, section.end));
    /** @type {Item} */
    const item = {
      section, finder, abort: new AbortController(), done: Promise.resolve(), playedMs: 0, durationMs: null, words: 0,
    };
    const isFirst = !run.queue.length;
    const last = run.queue.at(-1);
    item.done = this.service.speakStreaming(
      section.text,
      (viseme) => run === this.#run && this.#listener.viseme(viseme),
      (progress) => {
        item.playedMs = progress.playedMs;
        item.durationMs = progress.durationMs;
        if (run !== this.#run || item !== run.queue[0]) return;
        this.#follow(progress);
        if (!item.words) this.#guess(item);
        this.#listener.progress({ ...progress, playedMs: this.heardMs + progress.playedMs });
      },
      {
        ...run.speech,
        signal: item.abort.signal,
        interrupt: isFirst,
        gapMs: last?.section.pauseMs ?? 0,
        onStart: (info) => run === this.#run && this.#announce(info),
        onWord: (word) => run === this.#run && this.#hear(item, word),
        onFrame: (frame) => run === this.#run && this.#listener.frame(frame),
        onTimeline: ({ words }) => {
          for (const word of words) finder.learn(word.index, word.text);
        },
      },
    );
    // What follows a section that failed must not be heard in its place.
    item.done.catch(() => {
      for (const later of run.queue.slice(run.queue.indexOf(item) + 1)) later.abort.abort();
    });
    return item;
  }

  /** The page may pause the service itself, and a breath between sentences is no loading. @param {import("../types.js").ProgressEvent} progress */
  #follow({ phase, bufferedMs }) {
    if (phase === "paused" || phase === "playing") this.#enter(phase);
    else if (phase === "buffering" && this.phase === "playing" && bufferedMs < SCARCE_MS) this.#enter("loading");
  }

  /** @param {import("../types.js").SpeechInfo} info */
  #announce(info) {
    if (!this.#isAnnounced) this.#listener.start(info);
    this.#isAnnounced = true;
  }

  /** @param {Item} item @param {WordEvent} word */
  #hear(item, word) {
    item.words++;
    const found = item.finder.find(word.index, word.text);
    if (!found) return;
    const { start } = item.section;
    this.offset = start + found.start;
    this.#listener.word({ ...word, start: start + found.start, end: start + found.end });
  }

  /** A voice without word times: by the share of the sound. @param {Item} item */
  #guess({ section, playedMs, durationMs }) {
    const length = section.end - section.start;
    const whole = durationMs ?? (length / this.#rate) * 1000;
    const share = Math.min(1, playedMs / whole);
    if (this.#run) this.offset = Math.max(section.start, wordStart(this.#run.article, section.start + Math.floor(share * (length - 1))));
  }

  /** @param {Run} run @param {TTSError} error */
  async #fail(run, error) {
    const { problem, retryAfter, status } = error;
    const [{ section }] = run.queue;
    const from = Math.max(this.offset, section.start);
    const again = run.retries < MOST_RETRIES;
    this.#drop();
    if (error.name === "AbortError") {
      // Somebody else stopped the service, or speaks on it now.
      this.#enter("paused");
      return;
    }
    this.offset = from;
    if (again && status === 413 && problem?.limit) {
      limits.set(this.service, problem.limit);
      this.read(run.article, from, run.speech);
      if (this.#run) /** @type {Run} */ (this.#run).retries = run.retries + 1;
      return;
    }
    if (again && (status === 429 || status === 503) && retryAfter && retryAfter <= LONGEST_REST_S) {
      /** @type {Run} */
      const waiting = { ...run, queue: [], from, retries: run.retries + 1 };
      this.#run = waiting;
      this.#enter("waiting");
      this.#listener.error(error, true);
      await this.#rest(waiting, Math.ceil(retryAfter));
      if (this.#run !== waiting) return;
      this.#enter("loading");
      this.#go(waiting);
      return;
    }
    this.#enter("paused");
    this.#listener.error(error, false);
  }

  /** @param {Run} run @param {number} seconds */
  async #rest(run, seconds) {
    const until = performance.now() + seconds * 1000;
    for (let left = seconds; left > 0 && run === this.#run; left = Math.ceil((until - performance.now()) / 1000)) {
      this.#listener.wait(left);
      await new Promise((resolve) => setTimeout(resolve, 1000 - ((left * 1000 - (until - performance.now())) % 1000)));
    }
  }
}

/** Unlocks sound and asks the server, once, how much it takes. @param {TTSService} service */
function greet(service) {
  if (greetings.has(service)) return;
  const greeting = service.initialize().then(
    (health) => limits.set(service, Math.max(1, health.max_text_length)),
    () => greetings.delete(service), // speaking will say what is wrong
  );
  greetings.set(service, greeting);
}
