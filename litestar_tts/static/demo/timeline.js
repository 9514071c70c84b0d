// The timeline: sound, words, phones and visemes under a mark that stands still while they pass.

import { $, calm } from "./connection.js";
import { PEAK_RATE, Score, VISEMES } from "./score.js";

const FONT = 'system-ui, -apple-system, "Segoe UI", sans-serif';
const IPA = '"Noto Sans", "DejaVu Sans", "Segoe UI", system-ui, sans-serif';
const SCALES = [70, 110, 170, 260, 400];
/** Seconds that are seen before the beginning and after the end. */
const PAD = 0.12;
const COLOURS = ["played", "ahead", "ink", "quiet", "line", "mark", "word", "vowel", "lips", "tongue", "teeth", "back", "over"];
/** Which kind of sound a viseme is, by position; each has a colour. */
const KINDS = ["line", "vowel", "vowel", "vowel", "vowel", "vowel", "lips", "lips", "lips", "tongue", "tongue", "teeth", "teeth", "teeth", "back", "tongue", "back"];

export class Timeline {
  score = new Score();
  /** Whether the speech is being heard: then the plot follows it, and not the pointer. */
  live = false;
  #canvas; #paint; #readout; #onScrub;
  #at = 0; #left = 0; #drawn = 0;
  #zoom = matchMedia("(max-width: 860px)").matches ? 2 : 3;
  /** @type {number | null} */
  #hover = null;
  /** @type {{x: number, at: number} | null} */
  #drag = null;
  /** @type {Record<string, string>} */
  #colour = {};

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} readout says what is under the pointer or the mark
   * @param {(viseme: number) => void} onScrub the viseme at the place that was gone to; rest when it is left
   */
  constructor(canvas, readout, onScrub) {
    this.#canvas = canvas;
    this.#paint = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.#readout = readout;
    this.#onScrub = onScrub;
    for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) matchMedia(query).addEventListener("change", () => this.#restyle());
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener("pointerdown", (event) => this.#grab(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => this.#drop());
    canvas.addEventListener("pointerleave", () => this.#point(null));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("blur", () => this.live || this.#onScrub(0));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    this.#restyle();
  }

  begin() {
    this.score = new Score();
    this.live = true;
    this.#drag = null;
    this.#left = -PAD;
    this.show(0);
  }

  end() {
    this.live = false;
    this.#say();
    this.draw();
  }

  /** @param {number} time seconds that are under the mark */
  show(time) {
    this.#at = time;
    this.#say();
    this.draw();
  }

  /** @param {number} steps */
  zoom(steps) {
    this.#zoom = Math.min(SCALES.length - 1, Math.max(0, this.#zoom + steps));
    this.draw();
  }

  /** Draws once, at the next display frame. */
  draw() {
    this.#drawn ||= requestAnimationFrame(() => {
      this.#drawn = 0;
      this.#render();
    });
  }

  // --- pointer, wheel, keys -------------------------------------------------------------------------------------------

  /** @param {number} time */
  #go(time) {
    if (this.live) return;
    this.show(Math.min(this.score.duration, Math.max(0, time)));
    this.#onScrub(this.score.visemes[this.score.positionAt(this.#at)]?.index ?? 0);
  }

  /** @param {PointerEvent} event */
  #grab(event) {
    if (this.live || event.button || !this.score.duration) return;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#drag = { x: event.clientX, at: this.#at };
    this.#canvas.classList.add("held");
  }

  /** @param {PointerEvent} event */
  #move(event) {
    // The mark stands or moves, as there is room: the pointer holds what is under it, or the mark.
    if (this.#drag) this.#go(this.#drag.at - (event.clientX - this.#drag.x) / SCALES[this.#zoom]);
    else if (event.pointerType === "mouse") this.#point(event.clientX - this.#canvas.getBoundingClientRect().left);
  }

  #drop() {
    this.#drag = null;
    this.#canvas.classList.remove("held");
  }

  /** @param {number | null} x */
  #point(x) {
    this.#hover = x;
    this.#say();
    this.draw();
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    const across = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (!across || Math.abs(across) < Math.abs(event.shiftKey ? 0 : event.deltaY) || this.live || !this.score.duration) return;
    event.preventDefault();
    this.#go(this.#at + across / SCALES[this.#zoom]);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { visemes, duration } = this.score, now = this.score.positionAt(this.#at + 1e-6);
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowRight: () => this.#go(visemes[now + 1]?.time ?? duration),
      ArrowLeft: () => this.#go(visemes[this.#at > (visemes[now]?.time ?? 0) + 1e-6 ? now : now - 1]?.time ?? 0),
      ArrowUp: () => this.#go(visemes[now + 1]?.time ?? duration),
      ArrowDown: () => this.#go(visemes[now - 1]?.time ?? 0),
      PageUp: () => this.#go(this.#at + 1),
      PageDown: () => this.#go(this.#at - 1),
      Home: () => this.#go(0),
      End: () => this.#go(duration),
      "+": () => this.zoom(1),
      "-": () => this.zoom(-1),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }

  #say() {
    const { score } = this, canvas = this.#canvas;
    const under = this.#hover !== null && !this.live ? this.#left + this.#hover / SCALES[this.#zoom] : this.#at;
    const inside = score.duration > 0 && under >= 0 && under <= score.duration;
    this.#readout.textContent = inside ? score.describe(under, true) : score.duration ? "" : "Speak, then drag to look back";
    // A value that changes sixty times a second would drown out the speech in a screen reader.
    if (this.live) return;
    canvas.setAttribute("aria-valuemax", score.duration.toFixed(2));
    canvas.setAttribute("aria-valuenow", this.#at.toFixed(2));
    canvas.setAttribute("aria-valuetext", score.duration ? score.describe(this.#at) : "Nothing has been said yet");
  }

  // --- picture --------------------------------------------------------------------------------------------------------

  #restyle() {
    const style = getComputedStyle(this.#canvas);
    for (const name of COLOURS) this.#colour[name] = style.getPropertyValue(`--plot-${name}`).trim();
    this.draw();
  }

  /**
   * The time at the left edge: the mark runs to its place, stays there while the speech passes, and runs on to its end.
   * @param {number} scale
   * @param {number} width
   */
  #scroll(scale, width) {
    const { complete, duration } = this.score, seen = width / scale, end = complete ? duration + PAD - seen : Infinity;
    const aim = Math.max(-PAD, Math.min(this.#at - Math.min(0.36 * seen, 420 / scale), end));
    const way = aim - this.#left;
    // When the end becomes known the view glides, and does not jump.
    if (this.live && !calm.matches && way < 0 && way > -seen) {
      this.#left += way * 0.12;
      this.draw();
    } else this.#left = aim;
    return this.#left;
  }

  #render() {
    const canvas = this.#canvas, paint = this.#paint, ratio = devicePixelRatio;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (!width || !height) return;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    paint.setTransform(ratio, 0, 0, ratio, 0, 0);
    paint.clearRect(0, 0, width, height);
    const scale = SCALES[this.#zoom], left = this.#scroll(scale, width), mark = (this.#at - left) * scale;
    /** @type {View} */
    const view = { left, right: left + width / scale, width, height, x: (time) => (time - left) * scale };
    const lanes = { sound: height * 0.22, tall: height * 0.18, words: height * 0.47, phones: height * 0.665, base: height - 22, bars: height * 0.16 };
    this.#ruler(view);
    if (this.score.duration) {
      this.#sound(view, lanes);
      this.#words(view, lanes);
      this.#visemes(view, lanes);
    } else this.#empty(view, lanes);
    this.#line(mark, 2, this.#colour.mark, height);
    if (this.#hover !== null && !this.live && this.score.duration) this.#line(this.#hover, 1, this.#colour.quiet, height);
  }

  /** @typedef {{left: number, right: number, width: number, height: number, x: (time: number) => number}} View */
  /** @typedef {{sound: number, tall: number, words: number, phones: number, base: number, bars: number}} Lanes */

  /** @param {View} view */
  #ruler({ left, right, height, x }) {
    const paint = this.#paint, step = SCALES[this.#zoom] > 200 ? 0.25 : SCALES[this.#zoom] > 90 ? 0.5 : 1;
    paint.font = `500 11px ${FONT}`;
    paint.textAlign = "left";
    paint.textBaseline = "alphabetic";
    for (let tick = Math.max(0, Math.ceil(left / step)); tick * step <= Math.min(right, this.score.duration || right); tick++) {
      paint.fillStyle = this.#colour.line;
      paint.fillRect(Math.round(x(tick * step)), height - 16, 1, 4);
      paint.fillStyle = this.#colour.quiet;
      if ((tick * step) % 1 === 0) paint.fillText(`${tick * step} s`, x(tick * step) + 4, height - 5);
    }
  }

  /**
   * @param {View} view
   * @param {Lanes} lanes
   */
  #sound({ left, right, x }, { sound, tall }) {
    const paint = this.#paint, { peaks, loudest } = this.score;
    // Several peaks to a bar where they would be finer than the eye.
    const group = Math.max(1, Math.round((3.2 * PEAK_RATE) / SCALES[this.#zoom]));
    const first = Math.floor(Math.max(0, left * PEAK_RATE) / group) * group, bar = Math.max(1.4, (group / PEAK_RATE) * SCALES[this.#zoom] - 1.4);
    for (const [colour, from, to] of /** @type {[string, number, number][]} */ ([["played", first, this.#at * PEAK_RATE], ["ahead", Math.max(first, Math.ceil((this.#at * PEAK_RATE) / group) * group), right * PEAK_RATE]])) {
      paint.fillStyle = this.#colour[colour];
      paint.beginPath();
      for (let slot = from; slot < Math.min(to, peaks.length); slot += group) {
        let size = 0;
        for (let one = slot; one < slot + group; one++) size = Math.max(size, peaks[one] ?? 0);
        const half = Math.max(1, (size / loudest) * tall);
        this.#box(x(slot / PEAK_RATE), sound - half, bar, 2 * half, Math.min(bar / 2, 2));
      }
      paint.fill();
    }
  }

  /**
   * @param {View} view
   * @param {Lanes} lanes
   */
  #words({ left, right, x }, { words }) {
    const paint = this.#paint;
    paint.textAlign = "left";
    paint.textBaseline = "middle";
    for (const word of this.score.words) {
      const end = word.time + word.duration;
      if (end < left || word.time > right) continue;
      const now = this.#at >= word.time && this.#at < end, from = x(word.time), length = Math.max(4, x(end) - from);
      paint.globalAlpha = now ? 1 : 0.55;
      paint.fillStyle = now ? this.#colour.played : this.#colour.word;
      paint.beginPath();
      this.#box(from + 0.75, words - 13, length - 1.5, 26, 7);
      paint.fill();
      paint.globalAlpha = 1;
      paint.fillStyle = now ? this.#colour.over : this.#colour.ink;
      paint.font = `${now ? 650 : 550} 13px ${FONT}`;
      paint.save();
      paint.clip();
      const room = paint.measureText(word.text).width < length - 8;
      paint.textAlign = room ? "center" : "left";
      paint.fillText(word.text, room ? from + length / 2 : from + 5, words + 0.5);
      paint.restore();
    }
  }

  /**
   * @param {View} view
   * @param {Lanes} lanes
   */
  #visemes(view, { phones, base, bars }) {
    const { left, right, x } = view;
    const paint = this.#paint, { visemes } = this.score;
    paint.textAlign = "center";
    paint.textBaseline = "middle";
    for (let position = Math.max(0, this.score.positionAt(left)); position < visemes.length; position++) {
      const { time, index, phone } = visemes[position], end = this.score.endOf(position);
      if (time > right) break;
      const from = x(time), length = Math.max(2, x(end) - from), now = this.#at >= time && this.#at < end;
      const size = 3 + (VISEMES[index]?.open ?? 0) * bars;
      paint.globalAlpha = now || time < this.#at ? 1 : 0.62;
      paint.fillStyle = this.#colour[KINDS[index] ?? "line"];
      paint.beginPath();
      this.#box(from + 0.75, base - size, length - 1.5, size, Math.min(4, length / 2 - 0.75, size / 2));
      paint.fill();
      paint.globalAlpha = 1;
      if (phone && visemes[position - 1]?.phone !== phone) this.#phone(view, position, phones);
    }
  }

  /**
   * A phone may be several visemes (a diphthong): it stands once, over all of them.
   * @param {View} view
   * @param {number} position
   * @param {number} y
   */
  #phone({ x }, position, y) {
    const paint = this.#paint, { visemes } = this.score, { time, phone } = visemes[position];
    let last = position;
    while (visemes[last + 1]?.phone === phone) last += 1;
    const end = this.score.endOf(last), now = this.#at >= time && this.#at < end, room = x(end) - x(time);
    paint.fillStyle = now ? this.#colour.ink : this.#colour.quiet;
    for (const size of now ? [17] : [15, 12]) {
      paint.font = `${now ? 700 : 500} ${size}px ${IPA}`;
      if (!now && paint.measureText(phone).width > room + 1) continue;
      paint.fillText(phone, x(time) + room / 2, y);
      break;
    }
  }

  /**
   * @param {View} view
   * @param {Lanes} lanes
   */
  #empty({ width }, { sound, words, phones, base, bars }) {
    const paint = this.#paint, from = PAD * SCALES[this.#zoom] + 18;
    paint.fillStyle = this.#colour.line;
    paint.fillRect(from - 18, sound - 1, width, 2);
    paint.textAlign = "left";
    paint.textBaseline = "middle";
    paint.fillStyle = this.#colour.quiet;
    paint.font = `500 13px ${FONT}`;
    for (const [text, y] of /** @type {[string, number][]} */ ([["sound", sound - 14], ["words", words], ["phones", phones], ["visemes", base - bars / 2]])) paint.fillText(text, from, y);
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} width
   * @param {number} height
   * @param {number} radius
   */
  #box(x, y, width, height, radius) {
    // Younger than the other things that are drawn with.
    if (this.#paint.roundRect) this.#paint.roundRect(x, y, width, height, Math.max(0, radius));
    else this.#paint.rect(x, y, width, height);
  }

  /**
   * @param {number} x
   * @param {number} thick
   * @param {string} colour
   * @param {number} height
   */
  #line(x, thick, colour, height) {
    const paint = this.#paint;
    paint.fillStyle = colour;
    paint.beginPath();
    this.#box(x - thick / 2, 4, thick, height - 22, 1);
    paint.fill();
    if (thick > 1) {
      paint.beginPath();
      paint.arc(x, 6, 4.5, 0, 2 * Math.PI);
      paint.fill();
    }
  }
}

/**
 * The plot with its buttons, as the page has it.
 * @param {(viseme: number) => void} onScrub
 */
export function makeTimeline(onScrub) {
  const timeline = new Timeline($("timeline", HTMLCanvasElement), $("readout"), onScrub);
  $("zoom-in").addEventListener("click", () => timeline.zoom(1));
  $("zoom-out").addEventListener("click", () => timeline.zoom(-1));
  return timeline;
}
