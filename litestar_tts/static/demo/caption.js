// What is being said, in phrases, with the word that sounds now.

import { $, make } from "./connection.js";

/** Width of a letter of the caption, about, in its own font size. */
const LETTER = 0.56;
const LONGEST = 38;
/** How far on in the text a word is looked for: some are spoken otherwise than they are written (12, &). */
const REACH = 40;

export class Caption {
  #element;
  #text = "";
  #folded = "";
  #at = 0;
  /** @type {string[][]} */
  #phrases = [[]];
  /** @type {{phrase: number, place: number}[]} */
  #places = [];
  #shown = -1;

  /** @param {string} id */
  constructor(id) {
    this.#element = $(id);
  }

  /** @param {string} [text] that is going to be said */
  clear(text = "") {
    this.#text = text;
    // A few letters change their length with their case; then places would no longer fit.
    this.#folded = text.toLowerCase().length === text.length ? text.toLowerCase() : text;
    this.#at = 0;
    this.#phrases = [[]];
    this.#places = [];
    this.#shown = -1;
    this.#element.replaceChildren();
  }

  /** @param {{text: string}[]} words in order, as they become known */
  add(words) {
    const room = this.#element.clientWidth / (LETTER * Number.parseFloat(getComputedStyle(this.#element).fontSize)) - 1;
    for (const word of words) {
      const text = this.#written(word.text), last = this.#phrases[this.#phrases.length - 1], before = last.join(" ");
      if (last.length && (before.length + text.length > Math.min(LONGEST, room) || /[.!?…;:]["”’»)]*$/.test(before))) this.#phrases.push([text]);
      else last.push(text);
      this.#places.push({ phrase: this.#phrases.length - 1, place: this.#phrases[this.#phrases.length - 1].length - 1 });
    }
  }

  /** The word with the punctuation that it has in the text. @param {string} word */
  #written(word) {
    const found = this.#folded.indexOf(word.toLowerCase(), this.#at);
    if (found < 0 || found - this.#at > REACH) return word;
    const end = found + word.length, mark = /^[^\s\p{L}\p{N}]*/u.exec(this.#text.slice(end))?.[0] ?? "";
    const open = /[¿¡"“‘«(]*$/.exec(this.#text.slice(this.#at, found))?.[0] ?? "";
    this.#at = end + mark.length;
    return open + this.#text.slice(found, end) + mark;
  }

  /** @param {number} word its number in the utterance */
  show(word) {
    const at = this.#places[word];
    if (!at) return;
    const { phrase, place } = at, words = this.#phrases[phrase];
    if (phrase !== this.#shown || this.#element.childElementCount !== words.length) {
      this.#shown = phrase;
      this.#element.replaceChildren(...words.flatMap((text, number) => [...(number ? [" "] : []), make("span", {}, text)]));
    }
    [...this.#element.children].forEach((span, number) => {
      span.className = number === place ? "now" : number < place ? "said" : "";
    });
  }
}
