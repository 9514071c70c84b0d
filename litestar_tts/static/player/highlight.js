/**
 * Marks the word and the sentence that are heard, without a change to the page's own elements: by CSS custom
 * highlights, and where these are unknown by rectangles on top. Follows the word when it leaves the screen.
 */

const NAMES = /** @type {const} */ (["tts-sentence", "tts-word"]);

const COLOURS = `
::highlight(tts-sentence) { background-color: var(--tts-sentence, rgb(255 205 64 / 0.2)); }
::highlight(tts-word) { background-color: var(--tts-highlight, #ffd24d); color: var(--tts-highlight-text, #1d1600); }
@media (forced-colors: active) {
  ::highlight(tts-word) { background-color: Highlight; color: HighlightText; }
}`;

const OVERLAY = `
:host { position: fixed; inset: 0; z-index: 2147483646; pointer-events: none; overflow: hidden; }
div { position: absolute; border-radius: 3px; mix-blend-mode: multiply; }
.tts-sentence { background: var(--tts-sentence, rgb(255 205 64 / 0.2)); }
.tts-word { background: var(--tts-highlight, #ffd24d); opacity: 0.55; }
@media (forced-colors: active) {
  div { mix-blend-mode: normal; background: none; opacity: 1; }
  .tts-word { outline: 3px solid Highlight; }
}`;

/** @type {CSSStyleSheet | undefined} */
let sheet;

/** One player's marks; several share the names, so that a page styles them once. */
export class Highlighter {
  /** @type {(Range | null)[]} */ #ranges = [null, null];
  /** @type {HTMLElement | undefined} */ #overlay;
  /** @type {Document | ShadowRoot} */ #root;
  #paint = () => this.#paintOverlay();

  /** @param {Document | ShadowRoot} root Where the text stands. */
  constructor(root) {
    this.#root = root;
    sheet ??= makeSheet(COLOURS);
    if (hasHighlights() && !root.adoptedStyleSheets.includes(sheet)) {
      root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
    }
  }

  /** @param {Range | null} sentence @param {Range | null} word */
  show(sentence, word) {
    // High contrast has one colour for marks, and the word needs it.
    const ranges = [matchMedia("(forced-colors: active)").matches ? null : sentence, word];
    if (hasHighlights()) {
      NAMES.forEach((name, at) => {
        if (ranges[at] === this.#ranges[at]) return;
        const highlight = registered(name, at);
        const old = this.#ranges[at];
        if (old) highlight.delete(old);
        if (ranges[at]) highlight.add(ranges[at]);
      });
    }
    this.#ranges = ranges;
    if (!hasHighlights()) this.#paintOverlay();
  }

  clear() {
    this.show(null, null);
  }

  #paintOverlay() {
    const [sentence, word] = this.#ranges;
    if (!sentence && !word) {
      this.#overlay?.remove();
      this.#overlay = undefined;
      for (const type of ["scroll", "resize"]) removeEventListener(type, this.#paint, true);
      return;
    }
    if (!this.#overlay) {
      this.#overlay = document.createElement("div");
      this.#overlay.setAttribute("aria-hidden", "true");
      this.#overlay.className = "tts-overlay";
      this.#overlay.attachShadow({ mode: "open" }).adoptedStyleSheets = [makeSheet(OVERLAY)];
      for (const type of ["scroll", "resize"]) addEventListener(type, this.#paint, true);
      (this.#root instanceof ShadowRoot ? this.#root : document.body).append(this.#overlay);
    }
    const boxes = this.#ranges.flatMap((range, at) => [...(range?.getClientRects() ?? [])].map((rect) => box(rect, NAMES[at])));
    this.#overlay.shadowRoot?.replaceChildren(...boxes);
  }
}

/** Brings the word that is heard back on screen, unless the reader has scrolled away. */
export class Follower {
  #scrolledAway = false;
  #note = (/** @type {Event} */ event) => {
    const scrolls = !(event instanceof KeyboardEvent) || /^(Page|Home|End|Arrow(Up|Down))/.test(event.key);
    if (scrolls) this.#scrolledAway = true;
  };

  start() {
    this.#scrolledAway = false;
    for (const type of ["wheel", "touchmove", "keydown"]) addEventListener(type, this.#note, { passive: true });
  }

  stop() {
    for (const type of ["wheel", "touchmove", "keydown"]) removeEventListener(type, this.#note);
  }

  /** @param {Range} range */
  follow(range) {
    const parent = range.startContainer.parentElement;
    if (!parent) return;
    const frames = [...scrollersOf(parent), null];
    const covered = isCovered(range);
    if (!covered && frames.every((frame) => sees(frame, range))) {
      this.#scrolledAway = false;
      return;
    }
    if (this.#scrolledAway) return;
    const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
    for (const frame of frames) {
      if (sees(frame, range) && !(covered && frame === frames[0])) continue;
      const { top, height } = edges(frame);
      (frame ?? window).scrollBy({ top: range.getBoundingClientRect().top - top - height * 0.3, behavior });
    }
  }
}

function hasHighlights() {
  return typeof Highlight === "function" && "highlights" in CSS;
}

/** @param {string} name @param {number} priority */
function registered(name, priority) {
  let highlight = CSS.highlights.get(name);
  if (!highlight) {
    highlight = new Highlight();
    highlight.priority = priority;
    CSS.highlights.set(name, highlight);
  }
  return highlight;
}

/** @param {string} css */
function makeSheet(css) {
  const made = new CSSStyleSheet();
  made.replaceSync(css);
  return made;
}

/** @param {DOMRect} rect @param {string} name */
function box(rect, name) {
  const made = document.createElement("div");
  made.className = name;
  for (const side of /** @type {const} */ (["left", "top", "width", "height"])) made.style.setProperty(side, `${rect[side]}px`);
  return made;
}

/** @param {Element} element */
function scrollersOf(element) {
  const found = [];
  for (let at = /** @type {Element | null} */ (element); at && at !== document.body; at = at.parentElement) {
    if (at.scrollHeight > at.clientHeight && /auto|scroll/.test(getComputedStyle(at).overflowY)) found.push(at);
  }
  return found.filter((one) => one !== document.scrollingElement);
}

/** @param {Element | null} frame null: the window */
function edges(frame) {
  return frame?.getBoundingClientRect() ?? { top: 0, bottom: innerHeight, height: innerHeight };
}

/** @param {Element | null} frame @param {Range} range */
function sees(frame, range) {
  const rect = range.getBoundingClientRect();
  const { top, bottom } = edges(frame);
  return !rect.height || (rect.top >= top && rect.bottom <= bottom);
}

/** Something lies on the word, such as a bar at the edge of the screen; often it has the player in it. @param {Range} range */
function isCovered(range) {
  const [rect] = range.getClientRects();
  const root = /** @type {Document | ShadowRoot} */ (range.startContainer.getRootNode());
  const top = rect && root.elementFromPoint(rect.left + rect.width / 2, rect.top + rect.height / 2);
  return Boolean(top && !top.contains(range.startContainer) && !range.commonAncestorContainer.contains(top));
}
