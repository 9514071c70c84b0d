// The first view: one text, one voice, one face, and everything that can be known about how it was said.

import { Caption } from "./caption.js";
import { LANGUAGES, command } from "./commands.js";
import { $, api, calm, inWords, isAbort, make, maxLength, needsKey, semitones, signed, ttsService } from "./connection.js";
import { Runs } from "./runs.js";
import { makeTabs } from "./tabs.js";
import { makeTimeline } from "./timeline.js";
import { pickVoice, voiceId, voiceTitle } from "./voices.js";

/** @typedef {import("../types.js").Voice} Voice */
/** @typedef {import("../types.js").ProgressEvent} Progress */

const SAMPLES = {
  Hello: "Hello! I am your application, and this is my voice. Watch my lips: they know every sound that I make.",
  "Tongue twister": "Peter Piper picked a peck of pickled peppers. How many pickled peppers did Peter Piper pick?",
  Weather: "Good morning. It is eighteen degrees and sunny, with a light breeze from the west. Enjoy the day!",
  Rainbow: "When the sunlight strikes raindrops in the air, they act like a prism and form a rainbow.",
  Numbers: "On 3 May 2026 the train leaves platform 12 at 7:45 and costs $19.90.",
};
const FORMATS = ["mp3", "wav", "opus", "aac", "flac", "pcm"];
const STATES = { queued: "Asking for speech…", requesting: "Asking for speech…", buffering: "The first sound is coming…", playing: "Speaking…", paused: "Paused.", done: "Done." };

const field = { text: $("text", HTMLTextAreaElement), format: $("format", HTMLSelectElement) };
const sliders = { speed: $("speed", HTMLInputElement), pitch: $("pitch", HTMLInputElement), volume: $("volume", HTMLInputElement) };
const avatar = /** @type {import("../avatar.js").TTSAvatar} */ ($("avatar"));
const timeline = makeTimeline((viseme) => avatar.viseme?.(viseme));
const caption = new Caption("caption");
const runs = new Runs(again);

/** @type {Voice | null} */
let voice = null;
let language = LANGUAGES[0];
/** The run that is going on. @type {{cancel: AbortController} | null} */
let current = null;

/** @param {string} text @param {boolean} [bad] */
function say(text, bad = false) {
  if ($("status").textContent !== text) $("status").textContent = text;
  $("status").classList.toggle("bad", bad);
}

/** What the request says beside its text; what is as the server would have it anyway is left out. @returns {import("./commands.js").Fields} */
function fields() {
  const chosen = Object.entries(sliders).filter(([, { value, defaultValue }]) => Number(value) !== Number(defaultValue));
  return { ...voiceId(voice), ...Object.fromEntries(chosen.map(([name, { value }]) => [name, Number(value)])) };
}

// --- speaking ---------------------------------------------------------------------------------------------------------

async function speak() {
  if (!$("form", HTMLFormElement).reportValidity()) return;
  const text = field.text.value.trim(), options = fields(), said = { text, voice, fields: options };
  const cancel = new AbortController(), mine = { cancel };
  current?.cancel.abort();
  current = mine;
  const asked = performance.now();
  let [arrived, heard] = [false, false];
  caption.clear(text);
  timeline.begin();
  runs.clear();
  buttons(true);
  say(STATES.requesting);
  // On a narrow screen the face may have been scrolled away.
  if (avatar.getBoundingClientRect().top < 0) scrollTo({ top: 0, behavior: calm.matches ? "auto" : "smooth" });
  try {
    const stats = await ttsService.speakStreaming(text, undefined, (progress) => {
      if (mine !== current) return;
      if (progress.bytes && !arrived) runs.waited("byte", performance.now() - asked);
      arrived ||= progress.bytes > 0;
      follow(progress);
    }, {
      ...options,
      format: /** @type {import("../types.js").AudioFormat} */ (field.format.value),
      interrupt: true,
      signal: cancel.signal,
      onStart: (info) => {
        runs.start(info, said.voice?.engine);
        plan(text, options, cancel.signal);
      },
      onTimeline: (part) => {
        timeline.score.add(part);
        caption.add(part.words);
        runs.visemes(timeline.score.visemes.length);
        timeline.draw();
      },
      onSamples: (samples, rate) => timeline.score.hear(samples, rate),
      onWord: ({ index }) => caption.show(index),
      onFrame: ({ timeMs, speaking }) => {
        if (!speaking) return;
        if (!heard) runs.waited("first", performance.now() - asked - timeMs);
        heard = true;
        timeline.show(timeMs / 1000);
      },
    });
    if (mine !== current) return;
    timeline.score.end(stats.durationMs / 1000);
    timeline.show(timeline.score.duration);
    runs.end(stats, said);
    finish(STATES.done);
  } catch (error) {
    if (mine !== current) return;
    finish(isAbort(error) ? "Stopped." : inWords(error), !isAbort(error));
  }
}

/** @param {Progress} progress */
function follow(progress) {
  const { phase, playedMs, bufferedMs, durationMs } = progress, whole = durationMs ?? Math.max(playedMs + bufferedMs, 1);
  if (durationMs && !timeline.score.complete) timeline.score.end(durationMs / 1000);
  if (phase !== "done") say(STATES[phase]);
  $("pause").lastElementChild?.replaceChildren(phase === "paused" ? "Go on" : "Pause");
  $("meter-played").style.setProperty("--part", String(Math.min(1, playedMs / whole)));
  $("meter-buffered").style.setProperty("--part", String(Math.min(1, (playedMs + bufferedMs) / whole)));
  runs.progress(progress);
}

/**
 * Phones are planned by the server from the text alone, which is quick; asked for when the sound is on its way.
 * @param {string} text
 * @param {ReturnType<typeof fields>} options
 * @param {AbortSignal} signal
 */
async function plan(text, options, signal) {
  const { score } = timeline;
  try {
    score.plan((await ttsService.generateVisemes(text, { ...options, phonemes: true, signal })).visemes);
    timeline.draw();
  } catch {
    // The plot is whole without them: a request too many, or a run that was stopped.
  }
}

/** @param {string} message @param {boolean} [bad] */
function finish(message, bad = false) {
  current = null;
  timeline.end();
  for (const name of ["meter-played", "meter-buffered"]) $(name).style.setProperty("--part", "0");
  const focused = [$("pause"), $("stop")].includes(/** @type {HTMLElement} */ (document.activeElement));
  buttons(false);
  if (focused) $("speak").focus();
  say(message, bad);
}

/** @param {boolean} speaking */
function buttons(speaking) {
  for (const id of ["pause", "stop"]) $(id, HTMLButtonElement).disabled = !speaking;
  $("pause").lastElementChild?.replaceChildren("Pause");
}

function pause() {
  if (ttsService.state === "paused") ttsService.resume();
  else ttsService.pause();
}

export function stopStudio() {
  if (!current) return false;
  current.cancel.abort();
  finish("Stopped.");
  $("speak").focus();
  return true;
}

export { speak as speakStudio };

/** @param {import("./runs.js").Said} said */
function again(said) {
  field.text.value = said.text;
  setVoice(said.voice);
  for (const [name, slider] of Object.entries(sliders)) slider.value = String(/** @type {any} */ (said.fields)[name] ?? slider.defaultValue);
  update();
  speak();
}

// --- files ------------------------------------------------------------------------------------------------------------

/**
 * @param {string} suffix
 * @param {() => Promise<Blob>} ask
 */
async function save(suffix, ask) {
  $("saved").classList.remove("bad");
  if (!$("form", HTMLFormElement).reportValidity()) return;
  $("saved").textContent = "Making the file…";
  try {
    const link = make("a", { href: URL.createObjectURL(await ask()), download: `speech.${suffix}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    $("saved").textContent = `Saved as ${link.download}.`;
  } catch (error) {
    $("saved").textContent = inWords(error);
    $("saved").classList.add("bad");
  }
}

/** @param {any} format */
const sound = (format) => () => ttsService.download(field.text.value.trim(), { ...fields(), format });
/** @param {"srt" | "vtt"} format */
const subtitles = (format) => async () => new Blob([/** @type {string} */ (await ttsService.generateCaptions(field.text.value.trim(), { ...fields(), format }))], { type: "text/plain" });

// --- form -------------------------------------------------------------------------------------------------------------

/** @param {Voice | null} chosen */
function setVoice(chosen) {
  voice = chosen;
  $("voice-name").textContent = voiceTitle(voice);
  update();
}

function update() {
  const shown = {
    speed: `${Number(sliders.speed.value).toFixed(2)}×`,
    pitch: semitones(Number(sliders.pitch.value)),
    volume: `${signed(Number(sliders.volume.value))} dB`,
  };
  for (const [name, slider] of Object.entries(sliders)) {
    const text = shown[/** @type {keyof typeof shown} */ (name)];
    $(`${name}-value`).textContent = text;
    slider.setAttribute("aria-valuetext", text);
    slider.style.setProperty("--part", String((Number(slider.value) - Number(slider.min)) / (Number(slider.max) - Number(slider.min))));
  }
  $("count").textContent = `${field.text.value.length} of ${maxLength}`;
  showCode();
}

export function showCode() {
  $("code").textContent = command(language, api, { text: field.text.value.trim(), fields: fields(), format: field.format.value, key: needsKey() });
}

$("samples").append(...Object.entries(SAMPLES).map(([name, text]) => make("button", { type: "button", onclick: () => {
  field.text.value = text;
  update();
} }, name)));
$("sounds").append(...FORMATS.map((format) => make("button", { type: "button", onclick: () => save(format, sound(format)) }, format.toUpperCase())));
$("captions").append(...(/** @type {const} */ (["srt", "vtt"])).map((format) => make("button", { type: "button", onclick: () => save(format, subtitles(format)) }, format.toUpperCase())));
$("languages").append(...LANGUAGES.map((name) => make("button", { type: "button", role: "tab", id: `code-${name}` }, name)));
for (const tab of $("languages").children) tab.setAttribute("aria-controls", "code");
makeTabs($("languages"), (tab) => {
  language = tab.textContent ?? language;
  $("code").setAttribute("aria-labelledby", tab.id);
  showCode();
});
$("copy").addEventListener("click", async () => {
  const done = await navigator.clipboard?.writeText($("code").textContent ?? "").then(() => true, () => false);
  if (!done) getSelection()?.selectAllChildren($("code"));
  $("copy").textContent = done ? "Copied" : "Press Ctrl+C";
  setTimeout(() => { $("copy").textContent = "Copy"; }, 2000);
});
$("voice").addEventListener("click", () => pickVoice(voice, setVoice));
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  speak();
});
$("form").addEventListener("input", update);
$("pause").addEventListener("click", pause);
$("stop").addEventListener("click", stopStudio);
field.text.value = SAMPLES.Hello;
if (matchMedia("(hover: hover)").matches) say("Ready. Ctrl+Enter speaks, Escape stops.");
update();
