/** `<tts-avatar>`: a drawn face that says what it hears. */
import type { FrameEvent, VisemeValue, VisemeSet } from "./types.js";
declare const Base: typeof HTMLElement;
/**
 * Attributes: `face`, `mood`, `look` (where it looks: left, right, up, down), `label`, and `for` (the id of the
 * `<tts-player>` to follow; empty: follow nothing). Without `for` it follows the page's `ttsService`.
 */
export declare class TTSAvatar extends Base {
    #private;
    static observedAttributes: string[];
    /** The characters that `face` may name. */
    static faces: readonly string[];
    /** What `mood` may be. */
    static moods: readonly string[];
    constructor();
    connectedCallback(): void;
    disconnectedCallback(): void;
    /** @param {string} name @param {string | null} before @param {string | null} after */
    attributeChangedCallback(name: string, before: string | null, after: string | null): void;
    get face(): string;
    set face(name: string);
    get mood(): string;
    set mood(name: string);
    /** Whom it follows: any `TTSService`; null: nobody, it is moved by hand; undefined: what the page says. @returns {EventTarget | null} */
    get service(): EventTarget | null;
    /** @param {EventTarget | null | undefined} service */
    set service(service: EventTarget | null | undefined);
    /**
     * Shows a moment of speech; made to be `onFrame` of `speakStreaming`.
     * @param {Partial<FrameEvent>} frame weights in any viseme set
     */
    frame(frame: Partial<FrameEvent>): void;
    /**
     * Moves the mouth to one shape and holds it.
     * @param {VisemeValue} viseme position, name (of any set) or weights
     * @param {VisemeSet} [set] what a position counts in, default or azure
     */
    viseme(viseme: VisemeValue, set?: VisemeSet): void;
    /** Closes the mouth. */
    rest(): void;
}
export {};
