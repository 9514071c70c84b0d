/** @import * as T from "./types.js" */
/** @import * as I from "./tts-internal.js" */
const UNKNOWN = 0xffffff00;
const NONE = new Uint8Array();
const FIELDS = "text voice speed pitch volume visemes phonemes fallback format timing".split(" ");
const clamp = (x = 0, most = 0) => Math.max(0, Math.min(x, most));
const sleep = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms));

export class TTSError extends Error {
	/** @param {T.ErrorCode} code @param {string} message @param {T.ErrorFacts} [facts] */
	constructor(code, message, facts = {}) {
		super(message, facts);
		this.name = "TTSError";
		this.code = code;
		this.status = facts.status;
		this.problem = facts.problem;
		this.retryAfter = facts.retryAfter;
	}
}

/** @type {I.Failure} */
const failure = (code, status, problem, after) =>
	new TTSError(code, problem?.detail ?? `Status ${status}`, { status, problem, retryAfter: +(problem?.retry_after ?? after) || undefined });

/** @param {unknown} [cause] */
const cut = (cause) => new TTSError(cause instanceof SyntaxError ? "protocol" : "truncated", "The stream was cut", { cause });

/** @type {T.BlendVisemes} */
export const blendVisemes = (visemes, timeMs, count, closed = { 9: 1, 15: 1, 17: 6, 22: 21, 27: 14 }[count]) => {
	const weights = new Float32Array(count), ease = (x = 0) => (x = clamp(x, 1)) * x * (3 - 2 * x);
	let shut = 0, before = 0;
	for (let i = -1; i < visemes.length; i++) {
		const { index, timeMs: start } = visemes[i] ?? { index: 0 }, end = visemes[i + 1]?.timeMs ?? Infinity, until = ease((end - timeMs + 25) / 80);
		weights[index] += until - before;
		before = until;
		if (index === closed) shut = Math.max(shut, Math.min(ease((timeMs - start) / 60 + 1), ease((Math.max(end, start + 40) - timeMs) / 50 + 1)));
		if (end > timeMs + 99) break;
	}
	return weights.map((weight, i) => weight * (1 - shut) + (i === closed ? shut : 0));
};

/** Described in tts-internal.d.ts. @type {I.MakeStage} */
const makeStage = (service) => ({
	queue: [],
	pieces: [],
	cursor: 0,
	paused: false,
	frame: 0,
	step: 16,
	stamp: 0,
	told: 0,

	async unlock() {
		// @ts-expect-error
		if (service.ignoreSilentSwitch && navigator.audioSession) navigator.audioSession.type = "playback";
		let context = service.audioContext ?? this.context;
		if (!context || context.state === "closed") {
			context = new AudioContext({ sampleRate: 24000 });
			// After a phone call.
			context.onstatechange = () => this.queue[0] && this.unlock().catch(() => {});
		}
		this.context = context;
		// May stay pending for ever.
		if (context.state !== "running") await Promise.race([context.resume(), sleep(navigator.userActivation?.hasBeenActive === false ? 300 : 2000)]);
		if (this.context.state !== "running") throw new TTSError("autoplay-blocked", "Sound needs a click or key press first");
		// Asked first later, Firefox may freeze.
		this.heard();
	},

	async ask(path, text, options = {}, read = "json") {
		const { headers, baseURL, credentials } = service, { signal } = options;
		let response = /** @type {any} */ (null);
		try {
			response = await (service.fetch ?? fetch)(new URL(path, new URL(`${baseURL}`.replace(/\/*$/, "/"), globalThis.document?.baseURI)), {
				credentials, signal,
				headers: { ...(text !== undefined && { "Content-Type": "application/json" }), ...(typeof headers === "function" ? headers() : headers) },
				...(text !== undefined && { method: "POST", body: JSON.stringify({ ...options, text }, FIELDS) }),
			});
			if (response.ok || (path === "health" && response.status === 503)) return (await response[read]?.()) ?? response;
		} catch (cause) {
			if (signal?.aborted) throw signal.reason;
			throw response ? cut(cause) : new TTSError("network", "The server cannot be reached", { cause });
		}
		throw failure("http", response.status, await response.json().catch(() => {}), response.headers.get("Retry-After"));
	},

	async fetch(u) {
		const { calls, progress, stats, abort } = u, loading = import("./tts-decoders.js"), stream = new AbortController();
		const wait = (/** @type {Promise<any>} */ answer) => {
			const timer = setTimeout(() => stream.abort(new TTSError("network", "The server fell silent")), calls.silenceMs ?? 6e4);
			return answer.finally(() => clearTimeout(timer));
		};
		abort.signal.onabort = () => stream.abort(abort.signal.reason);
		u.asked = performance.now();
		this.progress(u, "requesting");
		try {
			const response = await wait(this.ask("generate-stream", u.text, { format: stats.decoder === "pcm" ? "pcm" : "mp3", ...calls, signal: stream.signal }, ""));
			this.progress(u, "buffering");
			const source = response.body?.getReader(), { FrameReader, open } = await loading, frames = new FrameReader(TTSError);
			while (progress.durationMs === null) {
				const { value, done } = source ? await wait(source.read()) : { value: new Uint8Array(await wait(response.arrayBuffer())) };
				if (done) frames.end();
				const fresh = /** @type {I.Timeline} */ ({ visemes: [], words: [] }), sound = [];
				for (const { index, timeMs, payload, control } of frames.push(value ?? NONE)) {
					const { type, status, duration, words = [] } = control ?? {};
					if (type === "start") {
						u.feed = await open(u, control, (samples) => this.decoded(u, samples), TTSError);
						this.tell(u, "start", u.info);
					}
					if (type === "error") throw failure("server", status, control);
					if (type === "end") progress.durationMs = duration * 1000;
					for (const { text, time, duration } of words) fresh.words.push({ text, timeMs: time * 1000, durationMs: duration * 1000, index: u.words++ });
					if (index < UNKNOWN) fresh.visemes.push({ viseme: u.values[index] ?? index, index, timeMs, clockMs: 0, lateMs: 0 });
					if (payload.length && (index < UNKNOWN || index > 0xfffffffe)) sound.push(payload);
				}
				stats.visemes += fresh.visemes.length;
				u.visemes.push(...fresh.visemes);
				u.cues = [...u.cues, ...fresh.visemes, ...fresh.words].sort((a, b) => a.timeMs - b.timeMs);
				this.tell(u, "timeline", fresh);
				for (const bytes of sound) {
					while (u.ahead > 2e4) await sleep(99);
					stats.firstByteMs ??= performance.now() - u.asked;
					progress.bytes += bytes.length;
					await u.feed?.(bytes);
				}
			}
			source?.read().catch(() => {});
			await u.feed?.(NONE, true);
		} catch (cause) {
			// What came before is still heard.
			stream.abort();
			u.failure = cause instanceof TTSError ? cause : cut(cause);
		}
		u.complete = true;
		this.tick();
	},

	decoded(u, samples) {
		const sound = samples.subarray(u.skip), rate = u.info.sampleRate;
		u.skip -= samples.length - sound.length;
		if (u.over) return;
		u.pending.push(sound);
		u.waiting += sound.length;
		u.decoded += (sound.length / rate) * 1000;
		this.tell(u, "samples", sound, rate);
		this.pump();
	},

	pump() {
		let open = 0, ahead = 0;
		for (const u of [...this.queue]) {
			if (!u.asked && open < 2 && ahead < 2e4) this.fetch(u);
			u.ahead = ahead += u.progress.bufferedMs = Math.max(0, u.decoded - u.progress.playedMs);
			const { info, waiting, pending, media } = u;
			if (!open && waiting && (u.complete || waiting > info.sampleRate / 5 || this.cursor < this.context.currentTime + 0.5)) {
				const buffer = this.context.createBuffer(1, waiting, info.sampleRate), length = buffer.duration;
				let at = 0;
				for (const sound of pending.splice(0)) {
					buffer.copyToChannel(sound, 0, at);
					at += sound.length;
				}
				u.waiting = 0;
				u.media += length;
				this.play({ u, buffer, media, length, offset: 0, at: 0 });
			}
			if (!u.complete) open++;
		}
	},

	play(piece) {
		const { u, buffer, media, offset, length } = piece, { context } = this, now = context.currentTime;
		this.pieces.push(piece);
		if (this.paused) return;
		if (this.cursor < now + (context.baseLatency || 0.02)) {
			if (media) {
				u.progress.underruns++;
				u.lead = [150, 300].find((lead) => lead > u.lead) ?? 600;
			}
			this.cursor = now + u.lead / 1000;
		} else if (!media && !offset) this.cursor += (u.calls.gapMs ?? 0) / 1000;
		const fade = (piece.fade = context.createGain()), node = (piece.node = context.createBufferSource());
		node.buffer = buffer;
		node.connect(fade).connect(service.destination ?? context.destination);
		node.onended = () => fade.disconnect();
		node.start(this.cursor, offset);
		piece.at = this.cursor;
		this.cursor += length;
	},

	pause(paused) {
		this.paused = paused;
		this.again(0);
		this.tick();
	},

	again(first, gone) {
		const now = this.context?.currentTime ?? 0, pieces = this.pieces.splice(first), before = this.pieces[first - 1];
		this.cursor = before?.node ? before.at + before.length : now + 0.06;
		for (const piece of pieces) {
			const { node, at, length, u, fade } = piece;
			if (node) {
				const past = clamp(now - at, length);
				piece.offset += past;
				piece.media += past;
				piece.length -= past;
				piece.node = undefined;
				node.stop(now + 0.04);
				fade?.gain.setTargetAtTime(0, now, 0.005);
			}
			if (u !== gone) this.play(piece);
		}
	},

	heard() {
		const { currentTime, outputLatency = 0 } = this.context, { contextTime = 0, performanceTime = 0 } = this.context.getOutputTimestamp();
		const time = contextTime + (performance.now() - performanceTime) / 1000, late = currentTime - time;
		// While nothing runs, the stamp says nothing.
		return performanceTime && late > -0.05 && late < 1 ? time : currentTime - outputLatency;
	},

	tick(stamp) {
		const { pieces, queue } = this, { hidden } = document, now = performance.now();
		cancelAnimationFrame(this.frame);
		clearTimeout(this.timer);
		if (stamp) {
			this.step += (Math.min(stamp - this.stamp, 34) - this.step) / 16;
			this.stamp = stamp;
		}
		if (!queue[0]) {
			this.cursor = 0;
			this.paused = false;
			return;
		}
		this.pump();
		const heard = this.heard();
		while (queue[0]) {
			const [u] = queue, [piece, next] = pieces, fed = u.complete && !u.waiting;
			if (piece?.node && piece.at + piece.length <= heard && (next || fed)) {
				u.progress.playedMs = (piece.media + piece.length) * 1000;
				pieces.shift();
			} else if (fed && piece?.u !== u) {
				this.fire(u, Infinity, u.progress.playedMs);
				this.settle(u, u.failure);
			} else break;
		}
		const [piece, next] = pieces;
		if (piece) {
			const { u, at, length, media } = piece, ahead = this.step / 2000;
			if (this.paused) this.progress(u, "paused");
			else if (heard + ahead >= at) {
				u.stats.firstSoundMs ??= now - (heard - at) * 1000 - u.asked;
				u.progress.playedMs = (media + clamp(heard - at, length)) * 1000;
				this.progress(u, heard < at + length ? "playing" : "buffering");
				// What is drawn stays for a frame: half of it early.
				const timeMs = (media + Math.min(heard + ahead - at, next?.u === u ? 9 : length)) * 1000;
				this.fire(u, timeMs, timeMs - ahead * 1000, hidden);
				if (!hidden) this.pose(u, timeMs, true);
			}
		}
		if (now > this.told + 95) {
			this.told = now;
			for (const u of [...queue]) this.progress(u);
		}
		this.timer = setTimeout(() => this.tick(), 250);
		this.frame = requestAnimationFrame((stamp) => this.tick(stamp));
	},

	fire(u, untilMs, clockMs, hidden) {
		let due = u.cues.filter(({ timeMs }) => timeMs <= untilMs);
		u.cues.splice(0, due.length);
		if (hidden || u.unseen[0]) due = [...u.unseen, ...due].filter((cue) => "viseme" in cue).slice(-1);
		u.unseen = hidden ? due.splice(0) : [];
		for (const cue of due) this.tell(u, "viseme" in cue ? "viseme" : "word", { ...cue, clockMs, lateMs: clockMs - cue.timeMs });
		while (u.visemes[9]?.timeMs < clockMs - 500) u.visemes.shift();
	},

	pose(u, timeMs, speaking) {
		if (!u.info) return;
		const { shapes, visemes, closed } = u, weights = blendVisemes(speaking ? visemes : [], timeMs, shapes.length, closed), blend = { ...u.zero };
		shapes.forEach((shape, i) => {
			for (const name in shape) blend[name] += weights[i] * shape[name];
		});
		this.tell(u, "frame", { timeMs, speaking, weights, blend });
	},

	settle(u, error = new DOMException("Stopped", "AbortError")) {
		const { queue, pieces } = this, first = pieces.findIndex((piece) => piece.u === u), { progress } = u;
		if (!queue.includes(u)) return;
		queue.splice(queue.indexOf(u), 1);
		u.abort.abort(error);
		u.ahead = progress.bufferedMs = 0;
		if (first >= 0) this.again(first, u);
		this.pose(u, progress.playedMs, false);
		this.progress(u, "done");
		const stats = { ...progress, ...u.stats };
		if (!error) this.tell(u, "end", stats);
		else if (error instanceof TTSError) this.tell(u, "error", error);
		u.over = true;
		if (error) u.reject(error);
		else u.resolve(stats);
		this.tick();
	},

	progress(u, phase) {
		const { progress } = u;
		if (phase === progress.phase) return;
		progress.phase = phase ?? progress.phase;
		this.tell(u, "progress", { ...progress });
	},

	tell(u, name, detail, more) {
		if (u.over) return;
		try {
			u.calls[`on${name[0].toUpperCase()}${name.slice(1)}`]?.(detail, more);
		} catch (error) {
			reportError(error);
		}
		service.dispatchEvent(new CustomEvent(name, { detail }));
	},
});

export class TTSService extends /** @type {T.ServiceBase} */ (EventTarget) {
	#stage = makeStage(this);

	/** @param {T.ServiceOptions} [options] */
	constructor(options = {}) {
		super();
		Object.assign(this, options).baseURL ??= new URL("..", import.meta.url);
	}

	/** @returns {T.Phase | "idle"} */
	get state() {
		const { queue, paused } = this.#stage;
		return paused ? "paused" : queue[0]?.progress.phase ?? "idle";
	}

	/** @type {T.AskHealth} */
	initialize = async () => (await Promise.all([this.healthCheck(), this.#stage.unlock()]))[0];

	/** @type {T.AskHealth} */
	healthCheck = () => this.#stage.ask("health");

	/** @type {T.ListVoices} */
	listVoices = async (filters = {}) => (await this.#stage.ask(`voices?${new URLSearchParams(JSON.parse(JSON.stringify(filters)))}`)).voices;

	/** @type {T.GenerateVisemes} */
	generateVisemes = (text, options) => this.#stage.ask("generate-visemes", text, options);

	/** @type {T.GenerateCaptions} */
	generateCaptions = (text, options) => this.#stage.ask("generate-captions", text, options, options?.format === "json" ? "json" : "text");

	/** @type {T.Download} */
	download = (text, options) => this.#stage.ask("generate", text, options, "blob");

	/** @type {T.Speak} */
	speak = (text, onViseme, options) => this.speakStreaming(text, onViseme, null, { decoder: "blob", ...options });

	/** @type {T.SpeakStreaming} */
	speakStreaming = async (text, onViseme, onProgress, options = {}) => {
		const { signal, interrupt, leadMs: lead = 60, decoder } = options, stage = this.#stage, abort = new AbortController();
		if (signal?.aborted) throw signal.reason;
		if (interrupt) this.stop();
		return new Promise((resolve, reject) => {
			const u = /** @type {any} */ ({
				text, lead, abort, resolve, reject, calls: { ...options, onViseme, onProgress },
				pending: [], decoded: 0, waiting: 0, media: 0, cues: [], visemes: [], words: 0, unseen: [], failure: null,
				progress: { phase: "queued", bytes: 0, bufferedMs: 0, playedMs: 0, durationMs: null, underruns: 0 },
				stats: { visemes: 0, decoder },
			});
			signal?.addEventListener("abort", () => stage.settle(u, signal.reason), { signal: abort.signal });
			stage.unlock().catch((error) => stage.settle(u, error));
			stage.queue.push(u);
			stage.progress(u);
			stage.tick();
		});
	};

	pause() {
		this.#stage.pause(true);
	}

	resume() {
		this.#stage.unlock().catch(() => {});
		this.#stage.pause(false);
	}

	/** @param {unknown} [reason] */
	stop(reason) {
		for (const u of [...this.#stage.queue].reverse()) this.#stage.settle(u, reason);
	}

	/** Stops, and frees the sound device. */
	async close() {
		const { context } = /** @type {I.Stage} */ (this.#stage);
		this.stop();
		if (context && context !== this.audioContext && context.state !== "closed") await context.close();
	}
}

export const ttsService = new TTSService();

if (globalThis.customElements) {
	const names = "tts-player,tts-avatar";
	const seek = (/** @type {any} */ node) => {
		if (!node.matches?.(names) && !node.querySelector?.(names)) return;
		watch.disconnect();
		import("./elements.js");
	};
	const watch = new MutationObserver((changes) => {
		for (const { addedNodes } of changes) addedNodes.forEach(seek);
	});
	watch.observe(document, { childList: true, subtree: true });
	seek(document);
}
