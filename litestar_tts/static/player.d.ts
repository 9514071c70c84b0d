/**
 * `<tts-player>`: reads a text, or another element of the page, aloud; marks the word that is heard, and jumps to a word
 * that is clicked.
 */
import { PlayerAttributes } from "./player/attributes.js";
import { TTSService } from "./tts.js";
export type Labels = import("./player/labels.js").Labels;
export type HeardWord = import("./player/reader.js").HeardWord;
export type ReaderPhase = import("./player/reader.js").ReaderPhase;
export type ProgressEvent = import("./types.js").ProgressEvent;
export type PlayerEnd = {
    finished: boolean;
    heardMs: number;
};
export type PlayerProgress = ProgressEvent & {
    offset: number;
    length: number;
    sentence: number;
    sentences: number;
    leftMs: number;
};
export declare class TTSPlayer extends PlayerAttributes {
    #private;
    static observedAttributes: string[];
    constructor();
    connectedCallback(): void;
    disconnectedCallback(): void;
    /** @param {string} name @param {string | null} old @param {string | null} value */
    attributeChangedCallback(name: string, old: string | null, value: string | null): void;
    /** What the player says in words, where it differs from the English of `player-labels.js`. @returns {Partial<Labels>} */
    get labels(): Partial<Labels>;
    set labels(value: Partial<Labels>);
    /** Who speaks: the page's `ttsService`, or one for `base`, or the one that you set. @returns {TTSService} */
    get service(): TTSService;
    set service(service: TTSService);
    /** @returns {ReaderPhase} */
    get state(): ReaderPhase;
    /** Place in `content` of what is heard, or of where Play begins. */
    get offset(): number;
    /** The text as it is read; offsets count in it. */
    get content(): string;
    /** Begins, or goes on. Call it in a click or key press: browsers allow no sound before one. */
    play(): void;
    pause(): void;
    /** Silent at once, and back to the beginning. */
    stop(): void;
    /** Jumps to the word at a place in `content`, and goes on reading if it reads. @param {number} offset */
    seek(offset: number): void;
}
