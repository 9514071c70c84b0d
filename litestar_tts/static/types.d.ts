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
  engines: { name: string; status: "ok" | "failing" | "unavailable"; breaker: string; voices: number; failing_voices: string[]; detail: string | null }[];
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
  /** Milliseconds of silence between the utterance before, where one is heard, and this one; default 0. */
  gapMs?: number;
  /** Milliseconds of audio to have before sound begins; default 60. Grows by itself after an underrun. */
  leadMs?: number;
  /** Milliseconds that the server may say nothing; default 60000. Then it is an error of code `network`. */
  silenceMs?: number;
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
  channels: number;
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
  /** What was heard when this was called; not with `onTimeline`. */
  clockMs?: number;
  lateMs?: number;
}

export interface FrameEvent {
  /** What is heard now. */
  timeMs: number;
  /** False: at rest, before the sound and after it. */
  speaking: boolean;
  /** Weight of each position of the set, eased so that mouths move smoothly; together 1. */
  weights: Float32Array;
  /** Weights by the set's own names (`{aa: 0.7, ee: 0, …}`, all of them); for the numbered sets by position (`{"3": 1, …}`). */
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
  /** From the first sound to the last. */
  playedMs: number;
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

/** What a `TTSError` knows beside its code. */
export interface ErrorFacts {
  /** HTTP status. */
  status?: number;
  /** Seconds after which to try again. */
  retryAfter?: number;
  problem?: Problem;
  cause?: unknown;
}

/** A frame of `/generate-stream`. */
export interface Frame {
  /** Viseme that starts at `timeMs`; 0xFFFFFFFF: none; 0xFFFFFFFE: control. */
  index: number;
  timeMs: number;
  payload: Uint8Array<ArrayBuffer>;
  /** The message of a control frame: `start`, `words`, `end`, `error`. */
  control?: any;
}

export interface Mp3Frame {
  data: Uint8Array<ArrayBuffer>;
  /** How many samples it decodes to. */
  samples: number;
  /** Samples a second. */
  rate: number;
}

export interface VoiceFilters {
  engine?: string;
  /** Begin of the language tag: `en` finds `en-US`. */
  language?: string;
  gender?: string;
}

export interface VisemeOptions extends SpeechOptions {
  /** `estimated`: from the text alone; `exact`: by a synthesis. */
  timing?: "auto" | "estimated" | "exact";
}

export interface CaptionOptions extends SpeechOptions {
  /** Default srt. */
  format?: "srt" | "vtt" | "json";
}

export interface DownloadOptions extends SpeechOptions {
  /** Default wav. */
  format?: AudioFormat;
}

export interface VisemeAnswer {
  visemes: Viseme[];
  words: Word[];
  /** Seconds. */
  duration: number;
  timing: "estimated" | "exact";
}

export interface Captions {
  captions: { index: number; start: number; end: number; text: string; words: Word[] }[];
}

export type OnViseme = ((viseme: VisemeEvent) => void) | null;
export type OnProgress = ((progress: ProgressEvent) => void) | null;

/** Health of the server, also when it cannot speak; `initialize` unlocks sound too and belongs into a click. */
export type AskHealth = () => Promise<Health>;
export type ListVoices = (filters?: VoiceFilters) => Promise<Voice[]>;
export type GenerateVisemes = (text: string, options?: VisemeOptions) => Promise<VisemeAnswer>;
export interface GenerateCaptions {
  (text: string, options: CaptionOptions & { format: "json" }): Promise<Captions>;
  (text: string, options?: CaptionOptions): Promise<string>;
}
/** The sound as a file. */
export type Download = (text: string, options?: DownloadOptions) => Promise<Blob>;
/** Speaks when all of the sound has arrived: the most patient way, for any format. */
export type Speak = (text: string, onViseme?: OnViseme, options?: SpeakOptions) => Promise<SpeechStats>;
/** Speaks as the sound arrives; resolved when the last of it was heard. */
export type SpeakStreaming = (text: string, onViseme?: OnViseme, onProgress?: OnProgress, options?: SpeakOptions) => Promise<SpeechStats>;

/**
 * Weights of a set's shapes at a moment, together 1: eased over 80 ms, a little ahead of the sound as mouths are, and fully
 * closed for b, m and p.
 *
 * `visemes` are in order of time, `count` is the size of their set. `closed` is the position of the shape of b, m and p;
 * left out, it is that of the set with so many shapes (of the default one for 17).
 */
export type BlendVisemes = (visemes: { timeMs: number; index: number }[], timeMs: number, count: number, closed?: number) => Float32Array;

/** Events of a service; what they tell is in `detail`. */
export interface ServiceEvents {
  start: CustomEvent<SpeechInfo>;
  timeline: CustomEvent<{ visemes: VisemeEvent[]; words: WordEvent[] }>;
  samples: CustomEvent<Float32Array>;
  viseme: CustomEvent<VisemeEvent>;
  word: CustomEvent<WordEvent>;
  frame: CustomEvent<FrameEvent>;
  progress: CustomEvent<ProgressEvent>;
  end: CustomEvent<SpeechStats>;
  error: CustomEvent<Error>;
}

/** What a service is beside its methods: its options, which may be changed between utterances, and a source of events. */
export interface ServiceProperties extends ServiceOptions, EventTarget {
  addEventListener<K extends keyof ServiceEvents>(
    type: K,
    listener: ((event: ServiceEvents[K]) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof ServiceEvents>(
    type: K,
    listener: ((event: ServiceEvents[K]) => void) | null,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
}

export type ServiceBase = new () => ServiceProperties;
