/**
 * The text of a page as it is read aloud: visible text in order, cut into blocks and sentences, and the way back from a
 * place in the text to the place in the document.
 */

/** @typedef {{ start: number, end: number }} Span A part of the text, in UTF-16 units as everywhere in the browser. */
/** @typedef {Span & { lang: string }} Block A heading, paragraph, list item or cell. */
/** @typedef {{ start: number, length: number, node: Text, offset: number }} Run Text that lies in one node unbroken. */
/** @typedef {{ text: string, lang: string, blocks: Block[], sentences: Span[], runs: Run[] }} Article */
/** @typedef {Span & { text: string, pauseMs: number }} Section What one utterance speaks, and the rest after it. */

const NOT_READ =
  "script,style,noscript,template,iframe,object,embed,canvas,svg,math,video,audio,picture,img,button,input,select,textarea," +
  "label,nav,menu,dialog:not([open]),rt,rp,[hidden],[inert],[aria-hidden=true],[role=navigation],[role=button],[role=doc-noteref]," +
  "sup > a[href^='#'],[data-tts-skip],tts-player,tts-avatar";
const BETWEEN_BLOCKS = "\n\n";
const SPEAKABLE = /[\p{L}\p{N}]/u;
const ENDS_SENTENCE = /[.!?…:;,。！？।۔؟܀።][^\p{L}\p{N}]*$/u;
const WITHOUT_SPACES = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;

// A border after one of these is none; single capitals are initials.
const ABBREVIATION =
  /(?:^|[\s(“"'«])(?:\p{Lu}|Mrs?|Ms|Dr|Prof|St|Sr|Sra|Jr|Mme|Hr|vs|e\.\s?g|i\.\s?e|cf|ca|approx|No|Nr|Fig|pp?|Vol|z\.\s?B|d\.\s?h|bzw|usw|p\.\s?ex)\.$/u;

// Breath between utterances, which engines do not put at the ends of what they are given.
const PARAGRAPH_PAUSE_MS = 450;
const SENTENCE_PAUSE_MS = 250;

/**
 * @param {string} text
 * @param {string} [lang]
 * @returns {Article}
 */
export function readText(text, lang = "") {
  /** @type {Block[]} */
  const blocks = [];
  for (const found of text.matchAll(/\S(?:[^\n]|\n(?!\s*\n))*/g)) {
    const block = found[0].trimEnd();
    blocks.push({ start: found.index, end: found.index + block.length, lang });
  }
  return finished(text, lang, blocks, []);
}

/**
 * What a reader sees of an element, in document order.
 *
 * @param {Element} root
 * @param {{ skip?: string, code?: boolean }} [options] Selector of further parts that are not read; whether blocks of code are.
 * @returns {Article}
 */
export function readElement(root, { skip = "", code = false } = {}) {
  const notRead = [NOT_READ, ...(code ? [] : ["pre"]), ...(skip ? [skip] : [])].join();
  const lang = languageOf(root);
  /** @type {Block[]} */
  const blocks = [];
  /** @type {Run[]} */
  const runs = [];
  let text = "";
  let start = 0;
  let wantsSpace = false;

  const closeBlock = () => {
    if (text.length > start) blocks.push({ start, end: text.length, lang });
    if (text.length > start) text += BETWEEN_BLOCKS;
    start = text.length;
    wantsSpace = false;
  };
  /** @param {Text} node */
  const readNode = (node) => {
    let last = 0;
    for (const found of node.data.matchAll(/[^\s\u00AD\u200B\u2060\uFEFF]+/g)) {
      const between = node.data.slice(last, found.index);
      wantsSpace ||= /\s/.test(between);
      last = found.index + found[0].length;
      const run = runs.at(-1);
      const space = wantsSpace && text.length > start ? " " : "";
      if (run?.node === node && run.start + run.length === text.length && between.length === space.length) {
        run.length += space.length + found[0].length;
      } else {
        runs.push({ start: text.length + space.length, length: found[0].length, node, offset: found.index });
      }
      text += space + found[0];
      wantsSpace = false;
    }
    wantsSpace ||= /\s/.test(node.data.slice(last));
  };
  /** @param {Element} element */
  const walk = (element) => {
    const style = getComputedStyle(element);
    if (!isShown(element, style)) return;
    const isBlock = !/^(inline|contents|ruby|none)/.test(style.display);
    if (isBlock) closeBlock();
    for (const child of element.childNodes) {
      if (child instanceof Text) {
        if (style.visibility === "visible") readNode(child);
      } else if (child instanceof HTMLBRElement) {
        if (child.previousElementSibling instanceof HTMLBRElement && wantsSpace) closeBlock();
        else wantsSpace = true;
      } else if (child instanceof Element && !child.matches(notRead)) walk(child);
    }
    if (isBlock) closeBlock();
  };
  walk(root);
  closeBlock();
  for (const block of blocks) {
    const parent = runs[runAt(runs, block.start)]?.node.parentElement;
    if (parent) block.lang = languageOf(parent);
  }
  return finished(text.trimEnd(), lang, blocks, runs);
}

/**
 * @param {Article} article
 * @param {Span} span
 * @returns {Range | null} Null for text that is in no document, or no longer.
 */
export function rangeOf(article, { start, end }) {
  const first = article.runs[runAt(article.runs, start)];
  const last = article.runs[runAt(article.runs, end - 1)];
  if (!first?.node.isConnected || !last?.node.isConnected) return null;
  const range = document.createRange();
  try {
    range.setStart(first.node, first.offset + Math.max(0, start - first.start));
    range.setEnd(last.node, last.offset + Math.min(last.length, end - last.start));
  } catch {
    return null; // the node has other text by now
  }
  return range;
}

/**
 * @param {Article} article
 * @param {Node} node
 * @param {number} offset
 * @returns {number | null} Place in the text; null where nothing is read.
 */
export function offsetOf(article, node, offset) {
  const run = article.runs.find((one) => one.node === node && offset >= one.offset && offset <= one.offset + one.length);
  return run ? run.start + Math.min(offset - run.offset, run.length - 1) : null;
}

/**
 * Start of the word that a place lies in.
 *
 * @param {Article} article
 * @param {number} offset
 */
export function wordStart(article, offset) {
  const block = article.blocks.find((one) => offset >= one.start && offset < one.end);
  if (!block) return article.sentences.find((one) => one.start >= offset)?.start ?? offset;
  const text = article.text.slice(block.start, block.end);
  for (const part of segments(text, block.lang, "word") ?? words(text)) {
    if (block.start + part.index + part.segment.length > offset) return block.start + part.index;
  }
  return offset;
}

/**
 * @param {Article} article
 * @param {number} offset
 * @returns {number} Position in `article.sentences` of the one that is read there.
 */
export function sentenceAt(article, offset) {
  const next = article.sentences.findIndex((one) => one.start > offset);
  return Math.max(0, (next < 0 ? article.sentences.length : next) - 1);
}

/**
 * What to say next: whole sentences from `offset` on, together about `size` characters and never more than `limit`.
 *
 * @param {Article} article
 * @param {number} offset
 * @param {number} size
 * @param {number} limit
 * @returns {Section | null} Null at the end.
 */
export function nextSection(article, offset, size, limit) {
  // One may start at the full stop of a sentence, with nothing behind it to be said.
  let at = article.sentences.findIndex((one) => SPEAKABLE.test(article.text.slice(Math.max(one.start, offset), one.end)));
  if (at < 0) return null;
  const begin = Math.max(offset, article.sentences[at].start);
  const start = begin + article.text.slice(begin).search(/\S/);
  let end = start;
  let text = "";
  for (; at < article.sentences.length; at++) {
    const sentence = article.sentences[at];
    const more = spokenSentence(article, Math.max(start, sentence.start), sentence.end);
    const joined = text ? `${text}${isBorder(article, sentence.start) ? BETWEEN_BLOCKS : " "}${more}` : more;
    if (joined.length > (text ? Math.min(size, limit) : limit)) break;
    text = joined;
    end = sentence.end;
  }
  if (text) {
    const next = article.sentences[at];
    const pauseMs = !next ? 0 : isBorder(article, next.start) ? PARAGRAPH_PAUSE_MS : SENTENCE_PAUSE_MS;
    return { start, end, text, pauseMs };
  }
  end = start + cut(article.text.slice(start, article.sentences[at].end), limit);
  return SPEAKABLE.test(article.text.slice(start, end))
    ? { start, end, text: article.text.slice(start, end).trim(), pauseMs: 0 }
    : nextSection(article, end, size, limit);
}

/** @param {Article} article @param {number} offset @param {number} rate Characters a second. */
export function leftMs(article, offset, rate) {
  return (Math.max(0, article.text.length - offset) / rate) * 1000;
}

/** Characters a second, before anything was heard. @param {string} text */
export function usualRate(text) {
  return WITHOUT_SPACES.test(text.slice(0, 200)) ? 5 : 14;
}

/**
 * @param {string} text
 * @param {string} lang
 * @param {"sentence" | "word"} granularity
 * @returns {Iterable<{ segment: string, index: number, isWordLike?: boolean }> | null}
 */
function segments(text, lang, granularity) {
  if (!("Segmenter" in Intl)) return null;
  try {
    return new Intl.Segmenter(lang || undefined, { granularity }).segment(text);
  } catch {
    return new Intl.Segmenter(undefined, { granularity }).segment(text); // a lang that is no language tag
  }
}

/** @param {string} text */
function* words(text) {
  for (const found of text.matchAll(/\s*\S+/g)) yield { segment: found[0].trimStart(), index: found.index + found[0].search(/\S/) };
}

/** @param {string} text */
function* sentencesByPunctuation(text) {
  for (const found of text.matchAll(/[\s\S]+?(?:[.!?…।۔؟]+["'”’»)\]]*(?:\s+|$)|[。！？]+["'”’»」』)\]]*\s*|$)/gu)) {
    yield { segment: found[0], index: found.index };
  }
}

/**
 * @param {string} text
 * @param {string} lang
 * @param {Block[]} blocks
 * @param {Run[]} runs
 * @returns {Article}
 */
function finished(text, lang, blocks, runs) {
  const sentences = blocks.flatMap((block) => sentencesOf(text.slice(block.start, block.end), block));
  return { text, lang, blocks, runs, sentences };
}

/**
 * @param {string} text
 * @param {Block} block
 * @returns {Span[]}
 */
function sentencesOf(text, block) {
  /** @type {Span[]} */
  const found = [];
  let joins = false;
  for (const { segment, index } of segments(text, block.lang, "sentence") ?? sentencesByPunctuation(text)) {
    const sentence = segment.trim();
    if (!sentence) continue;
    const start = block.start + index + segment.indexOf(sentence);
    const end = start + sentence.length;
    const last = found.at(-1);
    if (last && (joins || /^\p{Ll}/u.test(sentence) || !SPEAKABLE.test(sentence))) last.end = end;
    else found.push({ start, end });
    joins = ABBREVIATION.test(sentence) || !SPEAKABLE.test(text.slice((found.at(-1)?.start ?? 0) - block.start, end - block.start));
  }
  return found.filter((one) => SPEAKABLE.test(text.slice(one.start - block.start, one.end - block.start)));
}

/**
 * A heading that ends without a full stop gets one, so that voices stop there.
 *
 * @param {Article} article
 * @param {number} start
 * @param {number} end
 */
function spokenSentence(article, start, end) {
  const text = article.text.slice(start, end);
  const endsBlock = article.blocks.some((block) => block.end === end);
  return !endsBlock || ENDS_SENTENCE.test(text) ? text : text + (WITHOUT_SPACES.test(text) ? "。" : ".");
}

/**
 * @param {Article} article
 * @param {number} start
 */
function isBorder(article, start) {
  return article.blocks.some((block) => block.start === start);
}

/**
 * Where to part a sentence that is too long: after a clause, else after a word, else anywhere but inside a character.
 *
 * @param {string} sentence
 * @param {number} limit
 */
function cut(sentence, limit) {
  const head = sentence.slice(0, limit);
  const clause = head.match(/^[\s\S]*(?:[,;:—–)](?=\s)|[、，；])/u)?.[0].length ?? 0;
  if (clause > limit * 0.4) return clause;
  const word = head.match(/^[\s\S]*\s/)?.[0].length ?? 0;
  if (word > limit * 0.4) return word;
  return /[\uDC00-\uDFFF\p{M}]/u.test(sentence[head.length] ?? "") ? Math.max(1, head.length - 1) : head.length;
}

/**
 * @param {Run[]} runs
 * @param {number} offset
 * @returns {number} The last that starts there or before.
 */
function runAt(runs, offset) {
  let low = 0;
  let high = runs.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (runs[middle].start <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** @param {Element} element */
function languageOf(element) {
  return element.closest("[lang]")?.getAttribute("lang") ?? "";
}

/**
 * @param {Element} element
 * @param {CSSStyleDeclaration} style
 */
function isShown(element, style) {
  if (style.display === "none") return false;
  // Closed <details> and hidden=until-found have no box although their display says otherwise.
  if (style.display !== "contents" && element.checkVisibility?.() === false) return false;
  // Text for screen readers alone is no part of what is seen.
  return !(style.position === "absolute" && style.overflow === "hidden" && parseFloat(style.width) <= 1);
}
