/** How the bytes of a stream become frames, and their sound samples. tts.js loads it with the first utterance. @module */

/** @import { Frame, Mp3Frame, SpeechInfo, VisemeValue } from "./types.js" */
/** @import { Emit, Feed, MakeDecoder, StartMessage, Utterance } from "./tts-internal.js" */

const CONTROL = 0xfffffffe;
/** Bytes in front of each payload. */
const HEADER = 12;
const MAX_PAYLOAD = 1 << 20;
const ID3 = 0x494433;
const WAV_DATA = 0x64617461;
const RATES = [44100, 48000, 32000];
const BIT_RATES = [
  [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
];
/** Frames to decode before the one that is wanted: it needs bits that they hold, and overlaps the last of them. */
const WARM_UP = 12;
/** Frames that wait for their decoder. */
const MAX_QUEUE = 100;

/**
 * @param {Uint8Array} a
 * @param {Uint8Array} b
 */
function join(a, b) {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Reads the frames of `/generate-stream` from pieces of any size. */
export class FrameReader {
  #rest = new Uint8Array(0);
  #last = "";
  /** @type {typeof import("./tts.js").TTSError} */
  #TTSError;

  /** @param {typeof import("./tts.js").TTSError} TTSError is given, since a page may have loaded tts.js under another address */
  constructor(TTSError) {
    this.#TTSError = TTSError;
  }

  /**
   * @param {Uint8Array} bytes the next piece
   * @returns {Frame[]} those that are whole now
   */
  push(bytes) {
    const data = join(this.#rest, bytes), view = new DataView(data.buffer), frames = [];
    let at = 0;
    while (data.length - at >= HEADER) {
      const index = view.getUint32(at), size = view.getUint32(at + 8), end = at + HEADER + size;
      if (size > MAX_PAYLOAD) throw this.#alien();
      if (end > data.length) break;
      const payload = data.subarray(at + HEADER, end);
      const control = index === CONTROL ? JSON.parse(new TextDecoder().decode(payload)) : undefined;
      if (!this.#last && control?.type !== "start") throw this.#alien();
      this.#last = control?.type ?? "sound";
      frames.push({ index, timeMs: view.getUint32(at + 4), payload, control });
      at = end;
    }
    this.#rest = data.slice(at);
    return frames;
  }

  /** Says that nothing more comes; throws when the stream was cut. */
  end() {
    if (this.#last !== "end") throw new this.#TTSError("truncated", "The stream was cut");
  }

  #alien() {
    return new this.#TTSError("protocol", "This is no stream of speech");
  }
}

/**
 * What a layer III header says; undefined where there is none.
 * @param {Uint8Array} data
 * @param {number} at
 */
function mp3Header(data, at) {
  const [sync, kind, rates] = data.subarray(at, at + 3);
  const version = (kind >> 3) & 3, bits = rates >> 4, rate = RATES[(rates >> 2) & 3] >> [2, 0, 1, 0][version];
  if (sync !== 0xff || (kind & 0xe6) !== 0xe2 || version === 1 || !bits || bits === 15 || !rate) return undefined;
  const first = version === 3, samples = first ? 1152 : 576;
  const kbps = BIT_RATES[Number(first)][bits - 1];
  return { samples, rate, size: Math.floor((samples * 125 * kbps) / rate) + ((rates >> 1) & 1), like: kind & 0xfe };
}

/** @param {Uint8Array} data */
const isInfo = (data) => /Xing|Info|VBRI/.test(String.fromCharCode(...data.subarray(4, 44)));

/**
 * Cuts MP3 that comes in pieces into frames; tags, garbage and frames that only describe the file are left out.
 * @returns {(bytes: Uint8Array, last?: boolean) => Mp3Frame[]} takes the next piece; `last`: there is no other
 */
export function splitMp3() {
  let rest = new Uint8Array(0), skip = 0, synced = false, first = true;
  return (bytes, last = false) => {
    const data = join(rest, bytes), frames = [];
    // Ten bytes tell how long an ID3 tag is.
    const enough = last ? 4 : 10;
    let at = 0;
    while (data.length - at >= (skip ? 1 : enough)) {
      if (!skip && ((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]) === ID3) {
        const [flags, a, b, c, d] = data.subarray(at + 5, at + 10);
        skip = 10 + ((a << 21) | (b << 14) | (c << 7) | d) + (flags & 16 ? 10 : 0);
      }
      if (skip) {
        const step = Math.min(skip, data.length - at);
        skip -= step;
        at += step;
        continue;
      }
      const header = mp3Header(data, at);
      if (!header) {
        synced = false;
        at++;
        continue;
      }
      const next = at + header.size;
      // What looks like a header may be sound; another one behind it proves it.
      const proof = synced || (last && next === data.length) ? 0 : 4;
      if (next + proof > data.length) {
        if (!last) break;
        at++;
        continue;
      }
      if (proof && mp3Header(data, next)?.like !== header.like) {
        at++;
        continue;
      }
      const frame = data.slice(at, next);
      if (!first || !isInfo(frame)) frames.push({ data: frame, samples: header.samples, rate: header.rate });
      first = false;
      synced = true;
      at = next;
    }
    rest = data.slice(at);
    return frames;
  };
}

/** @type {MakeDecoder} */
function pcm({ format, channels }, emit) {
  let rest = new Uint8Array(0), header = format === "wav";
  return async (bytes) => {
    const data = join(rest, bytes), view = new DataView(data.buffer), step = 2 * channels;
    let at = 0;
    if (header) {
      // Chunks up to the sound's own; sizes are of no use in a stream.
      for (at = 12; at + 8 <= data.length && view.getUint32(at) !== WAV_DATA; ) at += 8 + view.getUint32(at + 4, true);
      at += 8;
      header = at > data.length;
      if (header) {
        rest = data;
        return;
      }
    }
    const samples = new Float32Array(Math.floor((data.length - at) / step));
    for (let i = 0; i < samples.length; i++) samples[i] = view.getInt16(at + i * step, true) / 32768;
    rest = data.slice(at + samples.length * step);
    emit(samples);
  };
}

/** @type {MakeDecoder} */
function webcodecs({ sampleRate, channels: numberOfChannels }, emit, signal) {
  const split = splitMp3();
  let time = 0, broken = /** @type {unknown} */ (null);
  const decoder = new AudioDecoder({
    output(sound) {
      const samples = new Float32Array(sound.numberOfFrames);
      sound.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
      sound.close();
      emit(samples);
    },
    error(error) {
      broken = error;
    },
  });
  decoder.configure({ codec: "mp3", sampleRate, numberOfChannels });
  signal.addEventListener("abort", () => decoder.state !== "closed" && decoder.close());
  return async (bytes, last = false) => {
    for (const { data, samples, rate } of split(bytes, last)) {
      decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: Math.round(time), data }));
      time += (samples * 1e6) / rate;
    }
    // What is decoded counts for how much is read ahead.
    while (decoder.decodeQueueSize > MAX_QUEUE) await new Promise((resolve) => setTimeout(resolve, 10));
    if (last) await decoder.flush();
    if (broken) throw broken;
  };
}

/**
 * In a context of the stream's own rate, so that nothing is resampled.
 * @param {SpeechInfo} info
 * @param {BlobPart[]} parts
 */
async function decodeWhole({ sampleRate }, parts) {
  const context = new OfflineAudioContext(1, 1, sampleRate);
  return (await context.decodeAudioData(await new Blob(parts).arrayBuffer())).getChannelData(0);
}

/** @type {MakeDecoder} */
function decode(start, emit) {
  const split = splitMp3();
  let before = /** @type {Mp3Frame[]} */ ([]);
  return async (bytes, last = false) => {
    const frames = split(bytes, last);
    if (!frames.length) return;
    // Browsers do not recognise a frame or two as MP3; the first frame's sound is only the encoder's delay.
    if (!before.length) before = Array(WARM_UP).fill(frames[0]);
    const all = [...before, ...frames];
    const found = await decodeWhole(start, all.map(({ data }) => data));
    const samples = new Float32Array(frames.reduce((sum, frame) => sum + frame.samples, 0));
    const extra = found.length - samples.length;
    samples.set(found.subarray(Math.max(0, extra)), Math.max(0, -extra));
    before = all.slice(-WARM_UP);
    emit(samples);
  };
}

/** @type {MakeDecoder} */
function blob(info, emit, signal) {
  const parts = /** @type {Uint8Array<ArrayBuffer>[]} */ ([]);
  return async (bytes, last = false) => {
    parts.push(bytes.slice());
    if (!last) return;
    // A streamed WAV does not know its length, and PCM has no header: no decoder of the browser's takes them.
    if (isRaw(info)) await pcm(info, emit, signal)(new Uint8Array(await new Blob(parts).arrayBuffer()), last);
    else emit(await decodeWhole(info, parts));
  };
}

const DECODERS = { pcm, webcodecs, decode, blob };

/** @param {SpeechInfo} info */
const isRaw = ({ format }) => format === "pcm" || format === "wav";

/**
 * The best that this browser has.
 * @param {SpeechInfo} info
 * @returns {Promise<keyof typeof DECODERS>}
 */
async function choose(info) {
  if (isRaw(info)) return "pcm";
  if (info.format !== "mp3") return "blob";
  const { sampleRate, channels: numberOfChannels } = info;
  const asked = globalThis.AudioDecoder?.isConfigSupported({ codec: "mp3", sampleRate, numberOfChannels });
  return (await asked?.catch(() => null))?.supported ? "webcodecs" : "decode";
}

/**
 * Notes what the stream says of itself, and returns what takes its sound.
 * @param {Utterance} u
 * @param {StartMessage} start
 * @param {Emit} emit
 * @param {typeof import("./tts.js").TTSError} TTSError as in `FrameReader`
 * @returns {Promise<Feed>}
 */
export async function open(u, start, emit, TTSError) {
  const fail = (/** @type {unknown} */ cause) => {
    throw new TTSError("decode", "The browser cannot decode this sound; try another `format` or `decoder`.", { cause });
  };
  const { stats } = u, { engine, voice, viseme_names: names = [] } = start;
  Object.assign(stats, { engine, voice });
  const info = (u.info = {
    engine,
    voice,
    format: start.format,
    sampleRate: start.sample_rate,
    channels: start.channels,
    visemeSet: start.viseme_set,
    visemeNames: start.viseme_names,
    visemeShapes: start.viseme_shapes,
    visemeCount: start.viseme_count,
  });
  const values = /** @type {VisemeValue[]} */ (start.viseme_shapes ?? (/default|azure/.test(info.visemeSet) ? names.map((_, i) => i) : names));
  u.values = values;
  u.shapes = start.viseme_shapes ?? values.map((name) => ({ [`${name}`]: 1 }));
  // The others are known by their number of shapes, which this set shares with the default one.
  if (info.visemeSet === "polly") u.closed = 1;
  u.zero = {};
  for (const shape of u.shapes) for (const name in shape) u.zero[name] = 0;
  u.skip = start.skip_samples;
  try {
    if (!(stats.decoder in DECODERS)) stats.decoder = await choose(info);
    const feed = DECODERS[stats.decoder](info, emit, u.abort.signal);
    return (bytes, last) => feed(bytes, last).catch(fail);
  } catch (error) {
    return fail(error);
  }
}
