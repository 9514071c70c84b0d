/** How the bytes of a stream become frames, and their sound samples. tts.js loads it with the first utterance. @module */
import type { Frame, Mp3Frame } from "./types.js";
import type { Emit, Feed, StartMessage, Utterance } from "./tts-internal.js";
/** Reads the frames of `/generate-stream` from pieces of any size. */
export declare class FrameReader {
    #private;
    /** @param {typeof import("./tts.js").TTSError} TTSError is given, since a page may have loaded tts.js under another address */
    constructor(TTSError: typeof import("./tts.js").TTSError);
    /**
     * @param {Uint8Array} bytes the next piece
     * @returns {Frame[]} those that are whole now
     */
    push(bytes: Uint8Array): Frame[];
    /** Says that nothing more comes; throws when the stream was cut. */
    end(): void;
}
/**
 * Cuts MP3 that comes in pieces into frames; tags, garbage and frames that only describe the file are left out.
 * @returns {(bytes: Uint8Array, last?: boolean) => Mp3Frame[]} takes the next piece; `last`: there is no other
 */
export declare function splitMp3(): (bytes: Uint8Array, last?: boolean) => Mp3Frame[];
/**
 * Notes what the stream says of itself, and returns what takes its sound.
 * @param {Utterance} u
 * @param {StartMessage} start
 * @param {Emit} emit
 * @param {typeof import("./tts.js").TTSError} TTSError as in `FrameReader`
 * @returns {Promise<Feed>}
 */
export declare function open(u: Utterance, start: StartMessage, emit: Emit, TTSError: typeof import("./tts.js").TTSError): Promise<Feed>;
