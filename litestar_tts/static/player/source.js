/** Where the player's text comes from: an element of the page, with its marks, or a plain text. */

import { Follower, Highlighter } from "./highlight.js";
import { offsetOf, rangeOf, readElement, readText, sentenceAt, wordStart } from "./text.js";

/** @typedef {import("./text.js").Article} Article */
/** @typedef {import("./text.js").Span} Span */

const CONTROLS = "a[href],button,input,select,textarea,label,summary,audio,video,[role=button],[role=link],[contenteditable],[tabindex],[onclick]";

const SETTLED_MS = 100;

export class Source {
  /** @type {Article} */ article;
  /** @type {Element | null} */ element;
  /** The page shows another text now than the one that was read. */
  isChanged = false;
  /** @type {{ skip?: string, code?: boolean }} */ #options;
  /** @type {Highlighter | null} */ #highlighter = null;
  #follower = new Follower();
  #word = /** @type {Span | null} */ (null);
  #leave = new AbortController();
  #timer = 0;
  #watcher = new MutationObserver(() => {
    // Pages change in bursts, and reading costs a look at each element's style.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#reread(), SETTLED_MS);
  });
  /** @type {() => void} */ #changed;

  /**
   * @param {Element | null} element
   * @param {{ text: string, lang: string, skip?: string, code?: boolean }} options
   * @param {{ jump(offset: number): void, change(): void }} listener
   */
  constructor(element, options, listener) {
    this.element = element;
    this.#options = options;
    this.#changed = listener.change;
    const isField = element instanceof HTMLTextAreaElement || element instanceof HTMLInputElement;
    if (!element || isField) {
      this.article = readText(element ? element.value : options.text, options.lang);
      return;
    }
    this.article = readElement(element, options);
    const root = element.getRootNode();
    this.#highlighter = new Highlighter(root instanceof ShadowRoot ? root : document);
    this.#watcher.observe(element, { childList: true, characterData: true, subtree: true });
    const click = (/** @type {Event} */ event) => {
      const offset = this.#wordAt(/** @type {MouseEvent} */ (event));
      if (offset !== null) listener.jump(offset);
    };
    element.addEventListener("click", click, { signal: this.#leave.signal });
  }

  close() {
    this.#leave.abort();
    this.#watcher.disconnect();
    clearTimeout(this.#timer);
    this.unmark();
  }

  /** @param {Span} word */
  mark(word) {
    this.#word = word;
    if (!this.element) return;
    const range = rangeOf(this.article, word);
    this.#highlighter?.show(this.#sentence(word.start), range);
    if (range) this.#follower.follow(range);
  }

  /** Where reading will begin. @param {number} offset */
  markPlace(offset) {
    this.#word = null;
    this.#highlighter?.show(this.#sentence(offset), null);
  }

  unmark() {
    this.#word = null;
    this.#highlighter?.clear();
    this.#follower.stop();
  }

  /** The page scrolls with the sound, from now on. */
  follow() {
    this.#follower.start();
  }

  #reread() {
    if (!this.element) return;
    const fresh = readElement(this.element, this.#options);
    this.isChanged = fresh.text !== this.article.text;
    if (this.isChanged) this.#changed();
    else {
      // The same text in other nodes.
      this.article.runs = fresh.runs;
      if (this.#word) this.mark(this.#word);
    }
  }

  /** @param {number} offset */
  #sentence(offset) {
    const sentence = this.article.sentences[sentenceAt(this.article, offset)];
    return sentence ? rangeOf(this.article, sentence) : null;
  }

  /** The word under a click that means nothing else. @param {MouseEvent} event */
  #wordAt(event) {
    if (event.defaultPrevented || event.button || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return null;
    const control = /** @type {Element} */ (event.target).closest(CONTROLS);
    if (control && control !== this.element && this.element?.contains(control)) return null;
    if (getSelection()?.isCollapsed === false) return null;
    const place = caretAt(event);
    const offset = place && offsetOf(this.article, place.node, place.offset);
    if (offset === null) return null;
    const start = wordStart(this.article, offset);
    // A click beside the text falls on the nearest letter too.
    const rects = [...(rangeOf(this.article, { start, end: Math.max(offset, start) + 1 })?.getClientRects() ?? [])];
    const { clientX: x, clientY: y } = event;
    return rects.some(({ left, right, top, bottom }) => x > left - 24 && x < right + 24 && y >= top && y <= bottom) ? start : null;
  }
}

/** @param {MouseEvent} event @returns {{ node: Node, offset: number } | null} */
function caretAt({ clientX, clientY }) {
  const page = /** @type {any} */ (document); // one of the two is young, the other was never in a standard
  const position = page.caretPositionFromPoint?.(clientX, clientY);
  if (position) return { node: position.offsetNode, offset: position.offset };
  const range = page.caretRangeFromPoint?.(clientX, clientY);
  return range && { node: range.startContainer, offset: range.startOffset };
}
