// What the tests of the client do in a page, with everything that it tells written down.
import * as tts from "/tts/client/tts.js";

window.tts = tts;
window.log = [];
window.services = {};

const plain = (error) => ({ name: error?.name, code: error?.code, message: error?.message ?? String(error), status: error?.status, retryAfter: error?.retryAfter, problem: error?.problem });

// The service of a path, made once; `options` of the first call count.
window.serviceAt = (path, options = {}) => (window.services[path] ??= new tts.TTSService({ baseURL: path, ...options }));

// Speaks, and returns what happened; times are the page's.
window.speak = async (path, text = "x", options = {}, serviceOptions = {}) => {
  const service = window.serviceAt(path, serviceOptions), at = () => performance.now();
  const run = { text, visemes: [], words: [], progress: [], frames: 0, rest: 0, samples: 0, late: 0, over: false };
  window.log.push(run);
  const note = (list, detail) => {
    if (run.over) run.late++;
    const context = service.audioContext ?? window.sound.contexts.at(-1), stamp = context.getOutputTimestamp();
    list.push({ ...detail, at: at(), heard: stamp.contextTime + (at() - stamp.performanceTime) / 1000 });
  };
  const controller = (run.controller = new AbortController());
  if (options.thrower) options = { ...options, onWord: () => { throw new Error("the page's own mistake"); } };
  try {
    run.stats = await service.speakStreaming(text, (viseme) => {
      note(run.visemes, viseme);
      if (viseme.timeMs === options.pauseAt) service.pause();
    }, (progress) => note(run.progress, progress), {
      signal: controller.signal,
      onWord: (word) => note(run.words, word),
      onFrame: ({ speaking, weights }) => {
        if (run.over) run.late++;
        run.frames++;
        run.rest = speaking ? 0 : weights[0];
      },
      onSamples: (samples) => (run.samples += samples.length),
      ...options,
    });
  } catch (error) {
    run.error = plain(error);
  }
  run.over = true;
  run.settled = at();
  return { ...run, controller: null };
};

document.getElementById("go").addEventListener("click", () => window.job?.());
document.body.dataset.ready = "yes";
