/**
 * Reads an article aloud: speaks it section by section through a TTSService, keeps the next ones coming, and knows where
 * in the text the sound is.
 */
import { WordFinder } from "./words.js";
export type SpeechOptions = import("../types.js").SpeechOptions;
export type WordEvent = import("../types.js").WordEvent;
export type TTSService = import("../tts.js").TTSService;
export type TTSError = import("../tts.js").TTSError;
export type Article = import("./text.js").Article;
export type Section = import("./text.js").Section;
export type Span = import("./text.js").Span;
export type ReaderPhase = "idle" | "loading" | "playing" | "paused" | "waiting";
export type HeardWord = Span & WordEvent;
export type Item = {
    section: Section;
    finder: WordFinder;
    abort: AbortController;
    done: Promise<unknown>;
    playedMs: number;
    durationMs: number | null;
    words: number;
};
export type Run = {
    article: Article;
    from: number;
    speech: SpeechOptions;
    queue: Item[];
    size: number;
    retries: number;
};
export type Listener = {
    phase(phase: ReaderPhase): void;
    start(info: import("../types.js").SpeechInfo): void;
    word(word: HeardWord): void;
    viseme(viseme: import("../types.js").VisemeEvent): void;
    frame(frame: import("../types.js").FrameEvent): void;
    progress(progress: import("../types.js").ProgressEvent): void;
    wait(seconds: number): void;
    end(finished: boolean): void;
    error(error: Error, goesOn: boolean): void;
};
export declare class Reader {
    #private;
    service: import("../tts.js").TTSService;
    /** @type {ReaderPhase} */ phase: ReaderPhase;
    /** Place in the text of what is heard. */
    offset: number;
    /** Milliseconds of speech heard since reading began, without the utterance that is heard. */
    heardMs: number;
    /** @param {TTSService} service @param {Listener} listener */
    constructor(service: TTSService, listener: Listener);
    /**
     * Call it inside a click: sound is unlocked before anything is awaited.
     *
     * @param {Article} article
     * @param {number} from Place in the text.
     * @param {SpeechOptions} speech
     */
    read(article: Article, from: number, speech: SpeechOptions): void;
    pause(): void;
    /** @returns {boolean} False: the sound was given up, and has to be asked for again. */
    resume(): boolean;
    /** Silent, with the place kept: another player wants to be heard. */
    suspend(): void;
    stop(): void;
    /** Milliseconds heard up to now. */
    get playingMs(): number;
    /** Whether what is said can go on where it is, or has to be asked for again. */
    get suspended(): boolean;
    /** Characters a second, from what was heard so far. */
    get rate(): number;
}
