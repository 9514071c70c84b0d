// The demo page: streams framed PCM, plays it on the audio clock, and moves the mouth by the visemes of the same stream.

import { SHAPES, drawMouth } from "./mouth.js";
import { drawTimeline } from "./timeline.js";

const $ = (id) => document.getElementById(id);
const api = new URL(`${document.body.dataset.api.replace(/\/$/, "")}/`, location.href);
const maxLength = Number(document.body.dataset.maxLength);
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const SAMPLES = {
  Hello: "Hello! I am your application, and this is my voice. Watch my lips: they know every sound that I make.",
  "Tongue twister": "Peter Piper picked a peck of pickled peppers. How many pickled peppers did Peter Piper pick?",
  Weather: "Good morning. It is eighteen degrees and sunny, with a light breeze from the west. Enjoy the day!",
  Rainbow: "When the sunlight strikes raindrops in the air, they act like a prism and form a rainbow.",
};

// --- stream --------------------------------------------------------------------------------------------------------
const NO_VISEME = 0xffffffff, CONTROL = 0xfffffffe;

async function* frames(stream) {
  let rest = new Uint8Array(0);
  for (const reader = stream.getReader(); ;) {
    const { value, done } = await reader.read();
    if (done) break;
    const data = new Uint8Array(rest.length + value.length);
    data.set(rest); data.set(value, rest.length);
    const view = new DataView(data.buffer);
    let at = 0;
    while (data.length - at >= 12 && data.length - at - 12 >= view.getUint32(at + 8)) {
      const end = at + 12 + view.getUint32(at + 8);
      yield { index: view.getUint32(at), time: view.getUint32(at + 4) / 1000, payload: data.subarray(at + 12, end) };
      at = end;
    }
    rest = data.slice(at);
  }
}

async function problem(response) {
  const body = await response.json().catch(() => ({}));
  $("key-field").hidden &&= response.status !== 401;
  return new Error(body.detail ?? `The server answers ${response.status}.`);
}

function request(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  if ($("key").value) headers.Authorization = `Bearer ${$("key").value}`;
  return fetch(new URL(path, api), { method: "POST", headers, body: JSON.stringify(body), signal });
}

// --- player --------------------------------------------------------------------------------------------------------
class Player {
  visemes = []; words = []; peaks = []; duration = 0; complete = false;
  #abort = new AbortController(); #nodes = new Set(); #start = 0; #end = 0; #odd = null;

  constructor() {
    // Made inside the click, and at the rate of the sound, so that pieces join without a seam.
    this.context = new AudioContext({ sampleRate: 24000 });
    this.context.resume();
  }

  async run(body, onInfo) {
    const asked = performance.now();
    const response = await request("generate-stream", { ...body, format: "pcm" }, this.#abort.signal);
    if (!response.ok) throw await problem(response);
    for await (const { index, time, payload } of frames(response.body)) {
      if (index === CONTROL) {
        const message = JSON.parse(new TextDecoder().decode(payload));
        if (message.type === "error") throw new Error(message.detail ?? message.error?.detail ?? "The speech broke off.");
        if (message.type === "words") this.words.push(...message.words);
        if (message.type === "start") onInfo({ engine: message.engine, voice: message.voice });
        if (message.type === "end") { this.complete = true; this.duration = message.duration; }
        continue;
      }
      if (index < SHAPES.length) this.visemes.push({ time, index });
      if (payload.length) {
        if (!this.#end) onInfo({ first: performance.now() - asked });
        this.#play(payload);
      }
      if (index !== NO_VISEME) onInfo({ visemes: this.visemes.length });
    }
    if (!this.complete) throw new Error("The connection was cut before the end.");
    onInfo({ length: this.duration });
    while (this.time < this.duration + 0.1 && !this.#abort.signal.aborted) await new Promise((next) => setTimeout(next, 60));
  }

  #play(payload) {
    let bytes = payload;
    if (this.#odd !== null) { bytes = new Uint8Array([this.#odd, ...payload]); this.#odd = null; }
    if (bytes.length % 2) { this.#odd = bytes[bytes.length - 1]; bytes = bytes.subarray(0, -1); }
    if (!bytes.length) return;
    const samples = Float32Array.from(new Int16Array(bytes.slice().buffer), (sample) => sample / 32768);
    for (let at = 0; at < samples.length; at += 240) this.peaks.push(Math.max(...samples.subarray(at, at + 240).map(Math.abs)));
    const buffer = this.context.createBuffer(1, samples.length, 24000);
    buffer.copyToChannel(samples, 0);
    const now = this.context.currentTime;
    if (!this.#end) this.#start = this.#end = now + 0.08;
    if (this.#end < now) { this.#start += now + 0.15 - this.#end; this.#end = now + 0.15; }
    const node = new AudioBufferSourceNode(this.context, { buffer });
    node.connect(this.context.destination);
    node.start(this.#end);
    this.#nodes.add(node);
    node.onended = () => this.#nodes.delete(node);
    this.#end += buffer.duration;
    this.duration = Math.max(this.duration, this.#end - this.#start);
  }

  /** Seconds of the speech that have reached the ear. */
  get time() { return this.#end ? this.context.currentTime - (this.context.outputLatency || 0) - this.#start : 0; }

  viseme(at) {
    let found = 0;
    for (const { time, index } of this.visemes) { if (time > at) break; found = index; }
    return at > this.duration ? 0 : found;
  }

  word(at) { return this.words.findLast(({ time, duration }) => time <= at && at < time + duration + 0.12)?.text ?? ""; }

  stop() {
    this.#abort.abort();
    for (const node of this.#nodes) node.stop();
    if (this.context.state !== "closed") this.context.close();
  }
}

// --- page ----------------------------------------------------------------------------------------------------------
let player = null, shown = null, last = performance.now(), blinkAt = last + 2000;

function frame(now) {
  const seconds = Math.min(0.1, (now - last) / 1000), at = shown ? Math.max(0, player ? player.time : shown.duration) : 0;
  last = now;
  // Lips begin to move a little before the sound.
  drawMouth(SHAPES[player && player.time > -0.04 ? player.viseme(at + 0.03) : 0], seconds);
  if (now > blinkAt + 150) blinkAt = now + 1800 + Math.random() * 3200;
  const lid = now > blinkAt && !calm.matches ? 0.12 + 0.88 * Math.abs((now - blinkAt) / 75 - 1) : 1;
  $("eyes").setAttribute("transform", `translate(0 -22) scale(1 ${lid}) translate(0 22)`);
  $("brows").setAttribute("transform", `translate(0 ${player && !calm.matches ? -3 - 3 * Math.sin(at * 2.1) : 0})`);
  const word = player ? player.word(at) : "";
  if (word || !player) $("caption").textContent = word;
  drawTimeline(shown, at);
  requestAnimationFrame(frame);
}

const say = (text, bad = false) => { $("status").textContent = text; $("status").classList.toggle("bad", bad); };

const options = () => ({
  text: $("text").value.trim(), speed: Number($("speed").value), pitch: Number($("pitch").value),
  ...(document.querySelector("[name=voice]:checked")?.value && { voice: document.querySelector("[name=voice]:checked").value }),
});

function show({ engine, voice, first, length, visemes }) {
  if (engine) { $("fact-engine").textContent = engine; $("fact-voice").textContent = $("fact-voice").title = voice; say("Speaking…"); }
  if (first !== undefined) $("fact-first").textContent = `${Math.round(first)} ms`;
  if (length !== undefined) $("fact-length").textContent = `${length.toFixed(2)} s`;
  if (visemes !== undefined) $("fact-visemes").textContent = String(visemes);
}

function stop(message) {
  if (!player) return;
  player.stop();
  player = null;
  $("stop").disabled = true;
  say(message);
}

async function speak() {
  stop("Stopped.");
  if (!$("form").reportValidity()) return;
  const mine = player = shown = new Player();
  $("stop").disabled = false;
  // On a narrow screen the face may have been scrolled away.
  if ($("face").getBoundingClientRect().top < 0) scrollTo({ top: 0, behavior: calm.matches ? "auto" : "smooth" });
  say("Asking for speech…");
  for (const id of ["engine", "voice", "first", "length", "visemes"]) $(`fact-${id}`).textContent = "–";
  try {
    await mine.run(options(), show);
    if (mine === player) stop("Done.");
  } catch (error) {
    if (mine !== player) return;
    stop("");
    say(error instanceof TypeError ? "The server cannot be reached." : error.message, true);
  }
}

async function save() {
  const format = $("format").value;
  say("Making the file…");
  const response = await request("generate", { ...options(), format }).catch(() => null);
  if (!response?.ok) return say(response ? (await problem(response)).message : "The server cannot be reached.", true);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = `speech.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  return say(`Saved as ${link.download}.`);
}

function update() {
  $("speed-value").textContent = $("speed").ariaValueText = `${Number($("speed").value).toFixed(2)}×`;
  $("pitch-value").textContent = $("pitch").ariaValueText = `${$("pitch").value > 0 ? "+" : ""}${$("pitch").value} semitones`;
  $("count").textContent = `${$("text").value.length} of ${maxLength}`;
  const body = JSON.stringify({ ...options(), format: $("format").value }).replaceAll("'", "\\u0027");
  $("curl").textContent = `curl -s ${new URL("generate", api)} \\\n  -H 'Content-Type: application/json' \\\n  -d '${body}' -o speech.${$("format").value}`;
}

function element(name, text, properties = {}) {
  return Object.assign(document.createElement(name), { textContent: text, ...properties });
}

function filterVoices() {
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const group of $("voices").querySelectorAll("section")) {
    const labels = [...group.querySelectorAll("label")];
    for (const label of labels) label.hidden = !words.every((word) => label.dataset.search.includes(word));
    const left = labels.filter((label) => !label.hidden).length;
    group.hidden = !left;
    count += left;
  }
  $("no-voice").hidden = count > 0;
}

async function listVoices() {
  const { voices } = await (await fetch(new URL("voices", api))).json();
  const names = new Intl.DisplayNames(["en"], { type: "language" }), groups = new Map();
  const title = (tag) => { try { return names.of(tag) ?? tag; } catch { return tag; } };
  for (const voice of voices) groups.set(voice.language, [...(groups.get(voice.language) ?? []), voice]);
  // English first, since the samples are English; then by name.
  const order = [...groups].map(([tag, list]) => [title(tag), list, !tag.startsWith("en")]).sort((a, b) => a[2] - b[2] || a[0].localeCompare(b[0]));
  const row = (value, name, note, search) => {
    const label = element("label", "", {});
    label.dataset.search = search.toLowerCase();
    label.append(element("input", "", { type: "radio", name: "voice", value }), element("span", name), element("small", note));
    return label;
  };
  const first = element("section", "");
  first.append(row("", "Server’s default voice", "", "default"));
  first.querySelector("input").checked = true;
  $("voices").replaceChildren(first, ...order.map(([language, list]) => {
    const section = element("section", "");
    section.append(element("h3", language), ...list.map((voice) => row(voice.id, voice.name,
      [voice.gender, voice.engine].filter(Boolean).join(", "), `${language} ${voice.language} ${voice.id} ${voice.name} ${voice.engine} ${voice.gender ?? ""}`)));
    return section;
  }), element("p", "No voice has such a name.", { id: "no-voice", hidden: true }));
}

async function listEngines() {
  const health = await (await fetch(new URL("health", api))).json();
  $("engines").replaceChildren(...health.engines.map(({ name, status, voices }) =>
    element("li", name, { className: status === "ok" ? "ok" : "bad", title: `${status}, ${voices} voices` })));
}

$("samples").append(...Object.entries(SAMPLES).map(([name, text]) =>
  element("button", name, { type: "button", onclick: () => { $("text").value = text; update(); $("text").focus(); } })));
$("text").value = SAMPLES.Hello;
$("form").addEventListener("submit", (event) => { event.preventDefault(); speak(); });
$("form").addEventListener("input", update);
$("search").addEventListener("input", filterVoices);
$("search").addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
$("stop").addEventListener("click", () => { stop("Stopped."); $("speak").focus(); });
$("save").addEventListener("click", save);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && player) { stop("Stopped."); $("speak").focus(); }
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); speak(); }
});
update();
requestAnimationFrame(frame);
listEngines().catch(() => say("The server cannot be reached.", true));
listVoices().catch(() => say("The list of voices cannot be read.", true));
