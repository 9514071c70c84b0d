/**
 * Where in the source text is the word that is heard? Engines say what they spoke, and that may be written otherwise:
 * numbers in words, abbreviations in full, other quotes, several words joined or one in parts.
 */

/** @typedef {import("./text.js").Span} Span */
/** @typedef {{ at: number, end: number, score: number, before: Place | null, word: number }} Place */

const LOOK_AHEAD = 10;
const PLACES_PER_WORD = 5;
const COST_OF_A_SKIPPED_LETTER = 0.15;
const WITHOUT_SPACES = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;

/** Finds the words of one utterance in the text that it speaks, each after the one before. */
export class WordFinder {
  /** @type {string[]} */ #words = [];
  /** @type {Span | null} */ #last = null;
  #placed = 0;
  #cursor = 0;
  #lost = 0;

  /** @param {string} text */
  constructor(text) {
    this.text = text;
    this.source = fold(text);
  }

  /**
   * What will be heard, as far as it is known; makes what `find` says surer.
   *
   * @param {number} index
   * @param {string} text
   */
  learn(index, text) {
    this.#words[index] = fold(text).letters;
  }

  /**
   * @param {number} index Number of the word in the utterance.
   * @param {string} text
   * @returns {Span | null} Null: nothing of the text can be it.
   */
  find(index, text) {
    this.learn(index, text);
    for (; this.#placed <= index; this.#placed++) this.#place(this.#placed);
    return (this.#words[index] ? null : this.#sign(text)) ?? this.#last;
  }

  /** Something without letters, such as `$`, before the next word. @param {string} text @returns {Span | null} */
  #sign(text) {
    const start = text ? this.text.indexOf(text, this.#last?.end ?? 0) : -1;
    return start < 0 || start >= (this.source.starts[this.#cursor] ?? this.text.length) ? null : { start, end: start + text.length };
  }

  /** @param {number} index */
  #place(index) {
    const word = this.#words[index];
    if (!word) return; // a sign, or one that was never told
    const chain = this.#bestChain(index);
    const [first] = chain;
    if (first?.word === index) {
      this.#last = this.#span(first.at, first.end);
      this.#cursor = first.end;
      this.#lost = 0;
      return;
    }
    // Written otherwise: it stands somewhere between the last word that was found and the next one that will be.
    const tokens = this.#tokens(this.#cursor, first?.at ?? this.source.letters.length);
    const among = first ? this.#lost + first.word - index : tokens.length;
    const from = Math.floor((this.#lost * tokens.length) / among);
    const token = tokens[Math.min(from, tokens.length - 1)];
    const to = first ? tokens[Math.max(from, Math.ceil(((this.#lost + 1) * tokens.length) / among) - 1)] : token;
    if (token) this.#last = this.#span(token.start, (to ?? token).end);
    this.#lost++;
  }

  /**
   * The places of this word and the next ones that fit together best; words that stand nowhere are left out.
   *
   * @param {number} index
   * @returns {Place[]}
   */
  #bestChain(index) {
    /** @type {Place[]} */
    const places = [];
    let reach = this.#cursor + 40;
    for (let word = index; word < Math.min(index + LOOK_AHEAD, this.#words.length); word++) {
      const letters = this.#words[word];
      if (!letters) continue;
      reach += letters.length * 2;
      const worth = Math.min(letters.length, 6) + 1;
      const earlier = places.length;
      let found = 0;
      for (let at = this.#cursor; found < PLACES_PER_WORD; at++) {
        at = this.source.letters.indexOf(letters, at);
        if (at < 0 || at > reach) break;
        const end = at + letters.length;
        if (!this.source.borders[at] || !this.source.borders[end]) continue;
        found++;
        let score = -COST_OF_A_SKIPPED_LETTER * (at - this.#cursor);
        /** @type {Place | null} */
        let before = null;
        for (const place of places.slice(0, earlier)) {
          const joined = place.score - COST_OF_A_SKIPPED_LETTER * (at - place.end);
          if (place.end <= at && joined > score) [score, before] = [joined, place];
        }
        places.push({ at, end, score: score + worth, before, word });
      }
    }
    let best = places.reduce((/** @type {Place | null} */ top, one) => (top && top.score >= one.score ? top : one), null);
    if (!best || best.score <= 0) return [];
    const chain = [];
    for (; best; best = best.before) chain.unshift(best);
    return chain;
  }

  /**
   * @param {number} from
   * @param {number} to
   * @returns {Span[]}
   */
  #tokens(from, to) {
    const tokens = [];
    let start = from;
    for (let at = from + 1; at <= to; at++) {
      if (!this.source.borders[at]) continue;
      tokens.push({ start, end: at });
      start = at;
    }
    return tokens;
  }

  /**
   * @param {number} at
   * @param {number} end
   * @returns {Span}
   */
  #span(at, end) {
    return { start: this.source.starts[at], end: this.source.ends[end - 1] };
  }
}

/**
 * Letters and digits alone, in one case and without accents, each with its place in the text.
 *
 * @param {string} text
 */
function fold(text) {
  let letters = "";
  /** @type {number[]} */
  const starts = [];
  /** @type {number[]} */
  const ends = [];
  /** @type {boolean[]} */
  const borders = [];
  let offset = 0;
  let border = true;
  let wasDigit = false;
  for (const character of text) {
    const end = offset + character.length;
    const folded = character.normalize("NFKD").toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
    if (folded) {
      const isDigit = /\p{N}/u.test(character);
      for (let at = 0; at < folded.length; at++) {
        borders.push(at === 0 && (border || isDigit !== wasDigit || WITHOUT_SPACES.test(character)));
        starts.push(offset);
        ends.push(end);
      }
      letters += folded;
      border = WITHOUT_SPACES.test(character);
      wasDigit = isDigit;
    } else if (/\p{M}/u.test(character)) {
      if (ends.at(-1) === offset) ends[ends.length - 1] = end;
    } else if (!/[\u00AD\u200C\u200D]/.test(character) && !(wasDigit && /^[.,]\p{N}/u.test(text.slice(offset)))) border = true;
    offset = end;
  }
  borders.push(true);
  return { letters, starts, ends, borders };
}
