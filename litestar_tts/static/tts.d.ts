import type * as T from "./types.js";
export declare class TTSError extends Error {
    code: T.ErrorCode;
    status: number | undefined;
    problem: T.Problem | undefined;
    retryAfter: number | undefined;
    /** @param {T.ErrorCode} code @param {string} message @param {T.ErrorFacts} [facts] */
    constructor(code: T.ErrorCode, message: string, facts?: T.ErrorFacts);
}
/** @type {T.BlendVisemes} */
export declare const blendVisemes: T.BlendVisemes;
declare const TTSService_base: T.ServiceBase;
export declare class TTSService extends /** @type {T.ServiceBase} */ /** @type {T.ServiceBase} */ TTSService_base {
    #private;
    /** @param {T.ServiceOptions} [options] */
    constructor(options?: T.ServiceOptions);
    /** @returns {T.Phase | "idle"} */
    get state(): T.Phase | "idle";
    /** @type {T.AskHealth} */
    initialize: T.AskHealth;
    /** @type {T.AskHealth} */
    healthCheck: T.AskHealth;
    /** @type {T.ListVoices} */
    listVoices: T.ListVoices;
    /** @type {T.GenerateVisemes} */
    generateVisemes: T.GenerateVisemes;
    /** @type {T.GenerateCaptions} */
    generateCaptions: T.GenerateCaptions;
    /** @type {T.Download} */
    download: T.Download;
    /** @type {T.Speak} */
    speak: T.Speak;
    /** @type {T.SpeakStreaming} */
    speakStreaming: T.SpeakStreaming;
    pause(): void;
    resume(): void;
    /** @param {unknown} [reason] */
    stop(reason?: unknown): void;
    /** Stops, and frees the sound device. */
    close(): Promise<void>;
}
export declare const ttsService: TTSService;
export {};
