/** The player's attributes, and the properties that mirror them. */

export const ATTRIBUTES = ["text", "source", "skip", "code", "voice", "speed", "pitch", "base", "label", "compact"];

/** Node and workers know no elements, and importing this there must not fail. */
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {});

export class PlayerAttributes extends Base {
  /** What is read when there is no `source`. */
  get text() {
    return this.getAttribute("text") ?? "";
  }
  set text(value) {
    this.setAttribute("text", value);
  }
  /** CSS selector of the element that is read. */
  get source() {
    return this.getAttribute("source") ?? "";
  }
  set source(value) {
    this.setAttribute("source", value);
  }
  /** CSS selector of parts of it that are not read. */
  get skip() {
    return this.getAttribute("skip") ?? "";
  }
  set skip(value) {
    this.setAttribute("skip", value);
  }
  /** Whether blocks of code are read too. */
  get code() {
    return this.hasAttribute("code");
  }
  set code(value) {
    this.toggleAttribute("code", value);
  }
  /** Empty: one for the language of the text. */
  get voice() {
    return this.getAttribute("voice") ?? "";
  }
  set voice(value) {
    this.setAttribute("voice", value);
  }
  /** 0.25 to 4. */
  get speed() {
    return within(this.getAttribute("speed"), 0.25, 4, 1);
  }
  set speed(value) {
    this.setAttribute("speed", String(value));
  }
  /** Semitones, -12 to 12. */
  get pitch() {
    return within(this.getAttribute("pitch"), -12, 12, 0);
  }
  set pitch(value) {
    this.setAttribute("pitch", String(value));
  }
  /** Address of another speech API than the one that this module came from. */
  get base() {
    return this.getAttribute("base") ?? "";
  }
  set base(value) {
    this.setAttribute("base", value);
  }
  /** Title of the player, and its name for assistive technology. */
  get label() {
    return this.getAttribute("label") ?? "";
  }
  set label(value) {
    this.setAttribute("label", value);
  }
  get compact() {
    return this.hasAttribute("compact");
  }
  set compact(value) {
    this.toggleAttribute("compact", value);
  }
}

/** A number of an attribute. @param {string | null} attribute @param {number} least @param {number} most @param {number} usual */
function within(attribute, least, most, usual) {
  const value = Number(attribute?.trim() || Number.NaN);
  return Number.isFinite(value) ? Math.min(most, Math.max(least, value)) : usual;
}

/**
 * Frameworks set properties on elements that are not defined yet; there they would hide the real ones for ever.
 *
 * @param {any} element
 * @param {string[]} names
 */
export function takeEarlyProperties(element, names) {
  for (const name of names) {
    if (!Object.hasOwn(element, name)) continue;
    const value = element[name];
    delete element[name];
    element[name] = value;
  }
}
