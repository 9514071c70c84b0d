/** `<tts-avatar>`: a drawn face that says what it hears. */

import { CHARACTERS } from "./avatar/faces.js";
import { startLife, stillLife } from "./avatar/life.js";
import { REST, between, calmPose, openness, poseOf, poseOfFrame } from "./avatar/mouth.js";
import { MOODS, buildRig } from "./avatar/rig.js";
import { ttsService } from "./tts.js";

/** @import { FrameEvent, VisemeValue, VisemeSet, WordEvent } from "./types.js" */
/** @import { LifeClock } from "./avatar/life.js" */
/** @import { Pose } from "./avatar/mouth.js" */
/** @import { Mood, Rig } from "./avatar/rig.js" */

const DEFAULT_FACE = "ada";
/** What people call them first. @type {Record<string, string>} */
const ALIASES = { woman: "ada", man: "ben" };

/** Without frames for so long the sound is paused or gone, and a mouth left open looks broken. */
const SILENT_MS = 400;
/** How long a calm shape is held, for people who want less motion. */
const CALM_MS = 170;
/** Time constants: a mouth moved by hand, a change of mood. */
const MOUTH_S = 0.035;
const MOOD_S = 0.18;

const STYLE = `
:host { display: block; inline-size: min(100%, 20rem); aspect-ratio: 1; contain: layout style; }
:host([hidden]) { display: none; }
svg { display: block; inline-size: 100%; block-size: 100%; }
`;
/** @type {CSSStyleSheet | undefined} */
let sheet;

const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? Object);

/**
 * Attributes: `face`, `mood`, `look` (where it looks: left, right, up, down), `label`, and `for` (the id of the
 * `<tts-player>` to follow; empty: follow nothing). Without `for` it follows the page's `ttsService`.
 */
export class TTSAvatar extends Base {
  static observedAttributes = ["face", "mood", "look", "label", "for"];
  /** The characters that `face` may name. */
  static faces = /** @type {readonly string[]} */ (Object.freeze(Object.keys(CHARACTERS)));
  /** What `mood` may be. */
  static moods = /** @type {readonly string[]} */ (Object.freeze(Object.keys(MOODS)));

  /** @type {Rig | null} */ #rig = null;
  #face = "";
  /** @type {LifeClock} */ #life = startLife();
  /** @type {Pose} */ #pose = REST;
  /** @type {Pose | null} where a mouth that is moved by hand is going */ #target = null;
  /** @type {Mood} */ #mood = { ...MOODS.neutral };
  /** @type {readonly [number, number]} */ #look = [0, 0];
  #speaking = false;
  #framed = 0;
  #calmed = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #silence;

  #onScreen = false;
  #loop = 0;
  #drawn = 0;
  #skip = false;
  /** @type {AbortController | null} ends all that runs while the element is in the page */ #stay = null;
  /** @type {AbortController | null} */ #following = null;
  /** @type {EventTarget | null | undefined} undefined: what `for` says, else the page's own */ #service;
  /** @type {string | null} */ #ownLabel = null;
  #calm = globalThis.matchMedia?.("(prefers-reduced-motion: reduce)");

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    if ("adoptedStyleSheets" in root && !sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
    }
    if (sheet) root.adoptedStyleSheets = [sheet];
    // Bound, so that a page can hand them over: `{onFrame: avatar.frame}`.
    this.frame = this.frame.bind(this);
    this.viseme = this.viseme.bind(this);
    this.rest = this.rest.bind(this);
  }

  connectedCallback() {
    this.#takeEarly();
    this.#stay = new AbortController();
    const { signal } = this.#stay;
    this.#build();
    this.#describe();
    this.#feel(true);
    this.#follow();
    document.addEventListener("visibilitychange", this.#wake, { signal });
    this.#calm?.addEventListener?.("change", this.#wake, { signal });
    if (globalThis.IntersectionObserver) {
      const seen = new IntersectionObserver((entries) => {
        this.#onScreen = entries[entries.length - 1].isIntersecting;
        this.#wake();
      });
      seen.observe(this);
      signal.addEventListener("abort", () => seen.disconnect());
    } else {
      this.#onScreen = true;
      this.#wake();
    }
  }

  disconnectedCallback() {
    this.#stay?.abort();
    this.#following?.abort();
    this.#stay = this.#following = null;
    cancelAnimationFrame(this.#loop);
    clearTimeout(this.#silence);
    this.#loop = 0;
    this.#silence = undefined;
    this.#onScreen = this.#speaking = false;
    this.#pose = REST;
    this.#target = null;
  }

  /** @param {string} name @param {string | null} before @param {string | null} after */
  attributeChangedCallback(name, before, after) {
    if (before === after) return;
    if (name === "look") {
      const has = (/** @type {string} */ word) => Number((after ?? "").includes(word));
      this.#look = [has("right") - has("left"), has("down") - has("up")];
    }
    if (!this.#stay) return;
    if (name === "look" && !this.#alive) this.#feel(true);
    if (name === "face") this.#build();
    if (name === "for") this.#follow();
    if (name === "mood") this.#feel(!this.#alive);
    if (name === "label" || name === "face") this.#describe();
  }

  get face() {
    return this.getAttribute("face") ?? DEFAULT_FACE;
  }
  set face(name) {
    this.setAttribute("face", name);
  }
  get mood() {
    return this.getAttribute("mood") ?? "neutral";
  }
  set mood(name) {
    this.setAttribute("mood", name);
  }

  /** Whom it follows: any `TTSService`; null: nobody, it is moved by hand; undefined: what the page says. @returns {EventTarget | null} */
  get service() {
    return this.#service === undefined ? (this.hasAttribute("for") ? null : ttsService) : this.#service;
  }
  /** @param {EventTarget | null | undefined} service */
  set service(service) {
    this.#service = service;
    if (this.#stay) this.#follow();
  }

  /**
   * Shows a moment of speech; made to be `onFrame` of `speakStreaming`.
   * @param {Partial<FrameEvent>} frame weights in any viseme set
   */
  frame(frame) {
    if (frame.speaking === false) return this.rest();
    const pose = poseOfFrame(frame);
    if (!pose) return;
    this.#speaking = true;
    this.#target = null;
    this.#framed = performance.now();
    this.#silence ??= setTimeout(this.#listen, SILENT_MS);
    if (!this.#calm?.matches) {
      this.#pose = pose;
      this.#drawMouth();
    } else if (this.#framed - this.#calmed >= CALM_MS) {
      const calm = calmPose(pose);
      if (calm === this.#pose) return;
      this.#pose = calm;
      this.#calmed = this.#framed;
      this.#drawMouth();
    }
  }

  /**
   * Moves the mouth to one shape and holds it.
   * @param {VisemeValue} viseme position, name (of any set) or weights
   * @param {VisemeSet} [set] what a position counts in, default or azure
   */
  viseme(viseme, set) {
    const pose = poseOf(viseme, set);
    if (!pose) throw new RangeError(`No mouth shape is called ${JSON.stringify(viseme)}: give a position of the default set (0 to 16), a name such as "aa", or weights.`);
    this.#aim(pose);
  }

  /** Closes the mouth. */
  rest() {
    this.#speaking = false;
    clearTimeout(this.#silence);
    this.#silence = undefined;
    this.#aim(REST);
  }

  get #alive() {
    return Boolean(this.#stay) && this.#onScreen && !document.hidden && !this.#calm?.matches;
  }

  /** @param {Pose} pose */
  #aim(pose) {
    if (this.#alive) {
      this.#target = pose;
      return;
    }
    this.#target = null;
    this.#pose = this.#calm?.matches ? calmPose(pose) : pose;
    this.#drawMouth();
  }

  /** Properties that a page set before this class was there. */
  #takeEarly() {
    for (const name of /** @type {const} */ (["service", "face", "mood"])) {
      if (!Object.hasOwn(this, name)) continue;
      const value = /** @type {any} */ (this)[name];
      delete (/** @type {any} */ (this)[name]);
      /** @type {any} */ (this)[name] = value;
    }
  }

  #build() {
    const name = ALIASES[this.face] ?? this.face;
    const face = Object.hasOwn(CHARACTERS, name) ? name : DEFAULT_FACE;
    if (face !== this.#face || !this.#rig) {
      this.#face = face;
      this.#rig = buildRig(face);
      this.shadowRoot?.replaceChildren(this.#rig.svg);
    }
    this.#rig.mouth(this.#pose, this.#mood);
    this.#rig.life(stillLife(this.#look), this.#mood);
  }

  /** An image with a name; with an empty label it is decoration. What the page says itself stands. */
  #describe() {
    const label = this.getAttribute("label");
    if (label === "") {
      this.setAttribute("aria-hidden", "true");
      if (this.#ownLabel === null) return;
      this.removeAttribute("role");
      this.removeAttribute("aria-label");
      this.#ownLabel = null;
      return;
    }
    if (label !== null || this.#ownLabel !== null) this.removeAttribute("aria-hidden");
    if (!this.hasAttribute("role")) this.setAttribute("role", "img");
    const named = this.getAttribute("aria-label");
    if (this.hasAttribute("aria-labelledby") || (label === null && named !== null && named !== this.#ownLabel)) return;
    this.#ownLabel = label ?? CHARACTERS[this.#face].label;
    this.setAttribute("aria-label", this.#ownLabel);
  }

  /** @param {boolean} atOnce */
  #feel(atOnce) {
    if (!atOnce) return;
    Object.assign(this.#mood, this.#wanted);
    this.#rig?.mouth(this.#pose, this.#mood);
    this.#rig?.life(stillLife(this.#look), this.#mood);
  }

  get #wanted() {
    return Object.hasOwn(MOODS, this.mood) ? MOODS[this.mood] : MOODS.neutral;
  }

  #follow() {
    this.#following?.abort();
    this.#following = new AbortController();
    const { signal } = this.#following;
    const player = this.getAttribute("for");
    this.rest();
    if (this.#service === undefined && player !== null) {
      if (!player) return;
      // The player may come into the page later than its face, so its events are caught on their way.
      const listen = (/** @type {string} */ name, /** @type {(event: any) => void} */ act) =>
        this.getRootNode().addEventListener(name, (event) => /** @type {Element} */ (event.target).id === player && act(event), { capture: true, signal });
      listen("tts-frame", (event) => this.frame(event.detail));
      listen("tts-word", (event) => this.#accent(event.detail));
      for (const over of ["tts-end", "tts-error"]) listen(over, () => this.rest());
      return;
    }
    const service = this.service;
    if (!service) return;
    const hear = (/** @type {string} */ name, /** @type {(detail: any) => void} */ act) =>
      service.addEventListener(name, (event) => act(/** @type {CustomEvent} */ (event).detail), { signal });
    hear("frame", this.frame);
    hear("word", (word) => this.#accent(word));
  }

  /** Long words carry the stress. @param {WordEvent} word */
  #accent({ text, durationMs }) {
    const strength = Math.min(durationMs / 600, 1) * (text.length > 3 ? 1 : 0.45);
    this.#life.accent(strength);
  }

  /** The sound may have been paused, or its player removed. */
  #listen = () => {
    this.#silence = undefined;
    if (performance.now() - this.#framed >= SILENT_MS) this.rest();
    else this.#silence = setTimeout(this.#listen, SILENT_MS);
  };

  /** Something changed that decides whether there is anything to do. */
  #wake = () => {
    this.#drawMouth();
    if (this.#alive && !this.#loop) {
      this.#drawn = 0;
      this.#loop = requestAnimationFrame(this.#tick);
    } else if (!this.#alive && this.#loop) {
      cancelAnimationFrame(this.#loop);
      this.#loop = 0;
    }
    if (this.#stay && this.#calm?.matches) {
      if (this.#target) this.#aim(this.#target);
      this.#feel(true);
    }
  };

  #tick = (/** @type {number} */ now) => {
    this.#loop = requestAnimationFrame(this.#tick);
    // Breathing and blinking look as good at half the rate.
    this.#skip = !this.#skip && !this.#speaking && !this.#target;
    if (this.#skip || !this.#rig) return;
    const seconds = this.#drawn ? Math.min((now - this.#drawn) / 1000, 0.1) : 0.016;
    this.#drawn = now;

    const mood = this.#wanted;
    const away = Math.max(...Object.keys(mood).map((key) => Math.abs(mood[/** @type {keyof Mood} */ (key)] - this.#mood[/** @type {keyof Mood} */ (key)])));
    if (away > 0) {
      const share = away < 0.01 ? 1 : 1 - Math.exp(-seconds / MOOD_S);
      for (const key of /** @type {(keyof Mood)[]} */ (Object.keys(mood))) this.#mood[key] += (mood[key] - this.#mood[key]) * share;
    }
    if (this.#target) {
      const left = Math.max(...this.#target.map((value, column) => Math.abs(value - this.#pose[column])));
      this.#pose = left < 0.05 ? this.#target : between(this.#pose, this.#target, 1 - Math.exp(-seconds / MOUTH_S));
      if (left < 0.05) this.#target = null;
      this.#drawMouth();
    } else if (away > 0) {
      this.#drawMouth();
    }
    this.#rig.life(this.#life.step(now, this.#speaking, openness(this.#pose), this.#look), this.#mood);
  };

  #drawMouth() {
    // Off the screen there is nobody to see it; #wake draws what is then.
    if (this.#stay && this.#onScreen && !document.hidden) this.#rig?.mouth(this.#pose, this.#mood);
  }
}
