/** Types of what tts.js and decoders.js keep to themselves. */

import type { TTSError } from "./tts.js";
import type {
  ErrorCode, OnProgress, OnViseme, Phase, ProgressEvent, ServiceProperties, SpeakOptions, SpeechInfo, SpeechStats, VisemeEvent, VisemeValue, WordEvent,
} from "./types.js";

/** Takes bytes of the stream; with `last`, nothing more comes. */
export type Feed = (bytes: Uint8Array<ArrayBuffer>, last?: boolean) => Promise<void>;
export type Emit = (samples: Float32Array<ArrayBuffer>) => void;
export type MakeDecoder = (info: SpeechInfo, emit: Emit, signal: AbortSignal) => Feed;
export type Failure = (code: ErrorCode, status: number, problem?: any, after?: string | null) => TTSError;
export type Timeline = Parameters<NonNullable<SpeakOptions["onTimeline"]>>[0];
export type MakeStage = (service: ServiceProperties) => Omit<Stage, "context" | "timer"> & ThisType<Stage>;

/** The control message `start`. */
export interface StartMessage {
  type: "start";
  format: SpeechInfo["format"];
  sample_rate: number;
  channels: number;
  skip_samples: number;
  viseme_set: SpeechInfo["visemeSet"];
  viseme_names?: string[];
  viseme_shapes?: Record<string, number>[];
  viseme_count: number;
  engine: string;
  voice: string;
}

/** What plays the utterances of one service, in turn. */
export interface Stage {
  context: AudioContext;
  queue: Utterance[];
  /** Scheduled or heard. */
  pieces: Piece[];
  /** Second of the context at which the next piece begins. */
  cursor: number;
  paused: boolean;
  frame: number;
  timer: ReturnType<typeof setTimeout> | undefined;
  /** Milliseconds of a display frame. */
  step: number;
  /** When the last one was. */
  stamp: number;
  /** When progress was last told. */
  told: number;
  /** Makes the context run. */
  unlock(): Promise<void>;
  /** Sends a request and reads its answer in some way; "": the response itself. */
  ask(path: string, text?: string, options?: any, read?: any): Promise<any>;
  /** Receives an utterance. */
  fetch(u: Utterance): Promise<void>;
  decoded(u: Utterance, samples: Float32Array<ArrayBuffer>): void;
  /** Asks for what comes next, and schedules what is decoded of the first utterance that is not complete. */
  pump(): void;
  /** Schedules a piece behind all others. */
  play(piece: Piece): void;
  pause(paused: boolean): void;
  /** Fades out from a piece on, and schedules that anew without one utterance. */
  again(first: number, gone?: Utterance): void;
  /** Seconds of the context that have reached the ear. */
  heard(): number;
  /** Once each display frame; a timer stands in for it on hidden pages. */
  tick(stamp?: number): void;
  /** Hands over visemes and words that are due. */
  fire(u: Utterance, untilMs: number, clockMs: number, hidden?: boolean): void;
  /** Tells what the mouth looks like. */
  pose(u: Utterance, timeMs: number, speaking: boolean): void;
  /** Ends an utterance: well with null, else with an error. */
  settle(u: Utterance, error?: any): void;
  /** Tells a new phase, or without one how things stand. */
  progress(u: Utterance, phase?: Phase): void;
  /** Calls back, and dispatches an event. */
  tell(u: Utterance, name: string, detail: unknown, more?: unknown): void;
}

export interface Utterance {
  text: string;
  calls: SpeakOptions & { onViseme?: OnViseme; onProgress?: OnProgress } & Record<string, any>;
  abort: AbortController;
  resolve: (stats: unknown) => void;
  reject: (error: unknown) => void;
  progress: ProgressEvent;
  stats: Omit<SpeechStats, keyof ProgressEvent>;
  info: SpeechInfo;
  /** What each position of the viseme set stands for, as users are told. */
  values: VisemeValue[];
  /** The same as weights. */
  shapes: Record<string, number>[];
  /** All of their names, at 0. */
  zero: Record<string, number>;
  /** Position of the shape of b, m and p, where it cannot be told by the number of shapes. */
  closed?: number;
  /** Milliseconds of sound, up to this utterance's, that wait to be heard. */
  ahead: number;
  asked: number;
  /** Once the stream has begun. */
  feed?: Feed;
  /** Samples of encoder delay that are still to come. */
  skip: number;
  /** Milliseconds between the first sound and its turn. */
  lead: number;
  /** Decoded, not scheduled. */
  pending: Float32Array<ArrayBuffer>[];
  /** Milliseconds decoded. */
  decoded: number;
  /** Samples pending. */
  waiting: number;
  /** Seconds scheduled. */
  media: number;
  /** Visemes and words that are not due yet, by time. */
  cues: (VisemeEvent | WordEvent)[];
  /** From a little before what is heard. */
  visemes: VisemeEvent[];
  words: number;
  /** Nothing more comes from the server. */
  complete: boolean;
  /** Why not all of it came. */
  failure: unknown;
  /** The viseme that is due and was not told, since the page is hidden; or nothing. */
  unseen: (VisemeEvent | WordEvent)[];
  over: boolean;
}

/** A stretch of sound in its place on the context's clock; seconds. */
export interface Piece {
  u: Utterance;
  buffer: AudioBuffer;
  /** Not while paused. */
  node?: AudioBufferSourceNode;
  fade?: GainNode;
  at: number;
  /** Where it begins on the utterance's clock. */
  media: number;
  /** What of the buffer was heard before a pause. */
  offset: number;
  length: number;
}
