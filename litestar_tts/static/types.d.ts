/**
 * Types of the browser client. Times whose name ends in `Ms` are milliseconds; on the audio's own clock, zero is the
 * first sample that is heard of an utterance.
 */

/** What a viseme is in the chosen set: position (default, azure), official name, or weights (vrm, live2d, arkit). */
export type VisemeValue = number | string | Record<string, number>;

/** A viseme as the server's JSON answers list it; seconds. */
export interface Viseme {
  time: number;
  value: VisemeValue;
  duration: number;
  phoneme?: string;
}

/** A spoken word as the server lists it; seconds. */
export interface Word {
  text: string;
  time: number;
  duration: number;
}

export interface Voice {
  id: string;
  name: string;
  engine: string;
  language: string;
  gender: string | null;
  description?: string;
}

export interface Health {
  status: "ok" | "degraded" | "down";
  version: string;
  /** Characters that one request may have spoken. */
  max_text_length: number;
  engines: { name: string; status: "ok" | "failing" | "unavailable"; breaker: string; voices: number; detail: string | null }[];
  queue: { active: number; waiting: number; max_streams: number; max_queue: number };
}

export type AudioFormat = "mp3" | "pcm" | "wav" | "opus" | "aac" | "flac";
export type VisemeSet = "default" | "azure" | "oculus" | "polly" | "rhubarb" | "vrm" | "live2d" | "arkit";

/** What every request for speech can say; left out: the server's defaults. */
export interface SpeechOptions {
  voice?: string;
  /** 0.25 to 4; 2 halves the duration. */
  speed?: number;
  /** Semitones, -12 to 12. */
  pitch?: number;
  /** Decibels, -20 to 20. */
  volume?: number;
  visemes?: VisemeSet;
  phonemes?: boolean;
  /** Whether another engine may speak when the voice's own fails. */
  fallback?: boolean;
  /** Stops the utterance; its promise is rejected with the signal's reason. */
  signal?: AbortSignal;
}

export interface SpeakOptions extends SpeechOptions {
  /** Default mp3. mp3, pcm and wav are played as they arrive; the others when they are complete. */
  format?: AudioFormat;
  /** True: stop what is being said and drop what waits. Default: wait for one's turn; joins are without a gap. */
  interrupt?: boolean;
  /** Milliseconds of audio to have before sound begins; default 60. Grows by itself after an underrun. */
  leadMs?: number;
  /** How to decode; default: the best that the browser has. `blob` waits for the whole. */
  decoder?: "auto" | "pcm" | "webcodecs" | "decode" | "blob";
  onStart?: (info: SpeechInfo) => void;
  /** A word begins to sound. */
  onWord?: (word: WordEvent) => void;
  /** Called once for each display frame while the utterance is heard, and once more, at rest, when it is over. */
  onFrame?: (frame: FrameEvent) => void;
  /** Words and visemes as they arrive, ahead of the sound: for plots and captions. */
  onTimeline?: (part: { visemes: VisemeEvent[]; words: WordEvent[] }) => void;
  /** Decoded samples as they are scheduled (not with `blob`): for plots. */
  onSamples?: (samples: Float32Array, sampleRate: number) => void;
}

/** Known when the first audio is on its way. */
export interface SpeechInfo {
  engine: string;
  voice: string;
  format: AudioFormat;
  sampleRate: number;
  visemeSet: VisemeSet;
  /** Names by position, for sets that have names. */
  visemeNames?: string[];
  /** Weights by position, for sets of weights. */
  visemeShapes?: Record<string, number>[];
  /** As planned from the text. */
  visemeCount: number;
}

export interface VisemeEvent {
  viseme: VisemeValue;
  /** Position in the viseme set. */
  index: number;
  /** When it starts. */
  timeMs: number;
  /** What was heard when this was called; 0 with `onTimeline`. */
  clockMs: number;
  /** clockMs - timeMs: half a display frame early is -8. */
  lateMs: number;
}

export interface WordEvent {
  text: string;
  timeMs: number;
  durationMs: number;
  /** Number of the word in the utterance, from 0. */
  index: number;
}

export interface FrameEvent {
  /** What is heard now. */
  timeMs: number;
  /** False: at rest, before the sound and after it. */
  speaking: boolean;
  /** Weight of each position of the set, eased so that mouths move smoothly; together 1. */
  weights: Float32Array;
  /** Weights by the set's own names (`{aa: 0.7}`); for the numbered sets by position (`{"3": 1}`). */
  blend: Record<string, number>;
}

export type Phase = "queued" | "requesting" | "buffering" | "playing" | "paused" | "done";

export interface ProgressEvent {
  phase: Phase;
  /** Bytes of audio received. */
  bytes: number;
  /** Audio received, decoded and not heard yet. */
  bufferedMs: number;
  playedMs: number;
  /** Length; null until all of it has arrived. */
  durationMs: number | null;
  underruns: number;
}

export interface SpeechStats {
  engine: string;
  voice: string;
  durationMs: number;
  bytes: number;
  visemes: number;
  underruns: number;
  /** From the request to the first byte of audio. */
  firstByteMs: number;
  /** From the request to the first sound at the ear. */
  firstSoundMs: number;
  decoder: "pcm" | "webcodecs" | "decode" | "blob";
}

export type ErrorCode = "autoplay-blocked" | "http" | "truncated" | "protocol" | "server" | "network" | "decode";

/** Problem details (RFC 9457) as the server sends them. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance?: string;
  parameter?: string;
  retry_after?: number;
  matches?: string[];
  limit?: number;
}

export interface ServiceOptions {
  /** Where the API is; default: beside this module, one folder up. */
  baseURL?: string | URL;
  /** Sent with each request, e.g. `{Authorization: "Bearer …"}`; a function is called for each. */
  headers?: Record<string, string> | (() => Record<string, string>);
  /** For CSRF tokens, tests, other runtimes. */
  fetch?: typeof fetch;
  /** Default `same-origin`. */
  credentials?: RequestCredentials;
  /** One that the page has already; default: one of our own at the stream's rate. */
  audioContext?: AudioContext;
  /** Where the sound goes; default: the context's destination. */
  destination?: AudioNode;
  /** On iPhones: sound even with the ring switch off, at the price of stopping other apps' music. Default false. */
  ignoreSilentSwitch?: boolean;
}
