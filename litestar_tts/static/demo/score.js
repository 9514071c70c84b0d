// What one speech is made of, as it arrives: samples, words, visemes, and the phones that the server planned for them.

/** @typedef {{time: number, index: number, phone: string}} Mark */
/** @typedef {{text: string, time: number, duration: number}} Spoken */

/** The default set, by position: a short name, and how far the mouth is open. */
export const VISEMES = [
  ["rest", 0], ["a", 1], ["e", 0.72], ["i", 0.48], ["o", 0.8], ["u", 0.52], ["b m p", 0.06], ["f v", 0.2], ["w r", 0.42],
  ["l", 0.5], ["d n t", 0.34], ["s z", 0.24], ["j ch", 0.36], ["sh", 0.34], ["k g", 0.4], ["y", 0.38], ["h", 0.56],
].map(([name, open]) => ({ name: String(name), open: Number(open) }));

/** Peaks a second: one for each hundredth. */
export const PEAK_RATE = 100;
const LOOK_AHEAD = 8;

export class Score {
  /** @type {Mark[]} */
  visemes = [];
  /** @type {Spoken[]} */
  words = [];
  /** @type {number[]} */
  peaks = [];
  /** Highest peak so far; a whisper is not blown up to a shout. */
  loudest = 0.25;
  duration = 0;
  complete = false;
  /** @type {{index: number, phone: string}[]} */
  #plan = [];
  #planned = 0;
  #named = 0;
  #samples = 0;
  #peak = 0;

  /** @param {{visemes: {timeMs: number, index: number}[], words: {text: string, timeMs: number, durationMs: number}[]}} part */
  add({ visemes, words }) {
    for (const { timeMs, index } of visemes) this.visemes.push({ time: timeMs / 1000, index, phone: "" });
    for (const { text, timeMs, durationMs } of words) this.words.push({ text, time: timeMs / 1000, duration: durationMs / 1000 });
    this.duration = Math.max(this.duration, this.visemes.at(-1)?.time ?? 0);
    this.#name();
  }

  /**
   * @param {Float32Array} samples
   * @param {number} rate
   */
  hear(samples, rate) {
    const step = rate / PEAK_RATE;
    for (const sample of samples) {
      this.#peak = Math.max(this.#peak, Math.abs(sample));
      this.#samples += 1;
      if (this.#samples >= step * (this.peaks.length + 1)) {
        this.peaks.push(this.#peak);
        this.loudest = Math.max(this.loudest, this.#peak);
        this.#peak = 0;
      }
    }
    this.duration = Math.max(this.duration, this.#samples / rate);
  }

  /** @param {number} duration */
  end(duration) {
    this.complete = true;
    if (duration) this.duration = duration;
    this.#name();
  }

  /**
   * Frames carry no phones; the plan, made from the text alone, has them, in the same order.
   * @param {{value: unknown, phoneme?: string}[]} visemes
   */
  plan(visemes) {
    this.#plan = visemes.filter(({ value }) => value !== 0).map(({ value, phoneme }) => ({ index: Number(value), phone: phoneme ?? "" }));
    this.#name();
  }

  // Where plan and speech part ways, a phone is named again from the next place on where two visemes in a row agree.
  #name() {
    if (!this.#plan.length) return;
    while (this.#named < this.visemes.length && this.#planned < this.#plan.length) {
      const mark = this.visemes[this.#named];
      if (mark.index === 0) {
        this.#named += 1;
        continue;
      }
      if (this.#plan[this.#planned].index === mark.index) {
        mark.phone = this.#plan[this.#planned].phone;
        this.#named += 1;
        this.#planned += 1;
        continue;
      }
      const skip = this.#meet();
      if (!skip) return;
      this.#named += skip[0];
      this.#planned += skip[1];
    }
  }

  /** @returns {[number, number] | null} visemes and planned ones to leave out; null: more must come first */
  #meet() {
    const ahead = this.visemes.slice(this.#named, this.#named + 3 * LOOK_AHEAD);
    const mouths = ahead.flatMap(({ index }, at) => (index ? [{ index, at }] : []));
    if (mouths.length < 2 * LOOK_AHEAD && !this.complete) return null;
    for (let total = 1; total <= 2 * LOOK_AHEAD; total++) {
      for (let left = Math.max(0, total - LOOK_AHEAD); left <= Math.min(total, LOOK_AHEAD); left++) {
        const agrees = [0, 1].every((next) => {
          const said = mouths[left + next], planned = this.#plan[this.#planned + total - left + next];
          return said && planned ? said.index === planned.index : next === 1;
        });
        if (agrees && mouths[left]) return [mouths[left].at, total - left];
      }
    }
    return [1, 1];
  }

  /** @param {number} time */
  positionAt(time) {
    return before(this.visemes, time);
  }

  /** @param {number} time */
  wordAt(time) {
    const word = this.words[before(this.words, time)];
    return word && time < word.time + word.duration ? word : null;
  }

  /** @param {number} position */
  endOf(position) {
    return this.visemes[position + 1]?.time ?? this.duration;
  }

  /**
   * A moment in words.
   * @param {number} time
   * @param {boolean} [short]
   */
  describe(time, short = false) {
    const mark = this.visemes[this.positionAt(time + 1e-6)], word = this.wordAt(time + 1e-6), name = VISEMES[mark?.index]?.name ?? "?";
    const phone = mark?.phone && `/${mark.phone}/`, shape = mark && (short ? `${mark.index} ${name}` : `viseme ${mark.index} (${name})`);
    const sound = short && phone ? [`${phone} → ${shape}`] : [phone, shape];
    return [`${time.toFixed(2)} s`, word && `“${word.text}”`, ...sound].filter(Boolean).join(" · ");
  }
}

/**
 * Position of the last one that has begun; -1 if none has.
 * @param {{time: number}[]} list
 * @param {number} time
 */
export function before(list, time) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle].time <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
