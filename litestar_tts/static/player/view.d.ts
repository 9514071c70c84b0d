/** What one sees of the player: its controls in a shadow root. What they do is told by the element. */
export type View = ReturnType<typeof buildView>;
/** @param {ShadowRoot} root */
export declare function buildView(root: ShadowRoot): {
    player: HTMLElement;
    play: HTMLButtonElement;
    stop: HTMLButtonElement;
    previous: HTMLButtonElement;
    next: HTMLButtonElement;
    speed: HTMLSelectElement;
    seek: HTMLElement;
    position: HTMLInputElement;
    title: HTMLElement;
    state: HTMLElement;
    heard: HTMLElement;
    left: HTMLElement;
    caption: HTMLElement;
    error: HTMLElement;
    countdown: HTMLElement;
    body: HTMLElement;
};
export type State = {
    phase: import("./reader.js").ReaderPhase;
    outcome: "ready" | "finished" | "stopped" | "failed";
    labels: import("./labels.js").Labels;
    article: import("./text.js").Article;
    offset: number;
    heardMs: number;
    rate: number;
    word: import("./text.js").Span | null;
    preview: boolean;
};
/**
 * @typedef {{
 *   phase: import("./reader.js").ReaderPhase, outcome: "ready" | "finished" | "stopped" | "failed",
 *   labels: import("./labels.js").Labels, article: import("./text.js").Article, offset: number, heardMs: number,
 *   rate: number, word: import("./text.js").Span | null, preview: boolean,
 * }} State
 */
/** @param {View} view @param {State} state */
export declare function render(view: View, { phase, outcome, labels, article, offset, heardMs, rate, word, preview }: State): void;
/** One row when it is compact. @param {View} view @param {boolean} compact */
export declare function arrange(view: View, compact: boolean): void;
/** @param {View} view @param {number} speed */
export declare function setSpeed(view: View, speed: number): void;
/** @param {View} view @param {import("./labels.js").Labels} labels @param {string} name */
export declare function relabel({ player, title, stop, previous, next, speed, position }: View, labels: import("./labels.js").Labels, name: string): void;
/** What has to be read by whoever listens; empty: nothing any more. @param {View} view @param {string} message */
export declare function say({ error, countdown }: View, message: string): void;
/** Told once; the seconds that run down are for the eye alone. @param {View} view @param {string} message */
export declare function countDown({ error, countdown }: View, message: string): void;
