// What the tests of the avatar say in their pages.
import "./client/elements.js";
import { TTSAvatar } from "./client/avatar.js";
import { TTSService, ttsService } from "./client/tts.js";
import * as adapters from "./client/adapters.js";
const pathOf = (avatar) => avatar.shadowRoot.querySelector("[part=mouth]").getAttribute("d");
// How far apart the middles of the two lips are: half-way a cubic is at three quarters of its controls' height.
const gap = (avatar) => {
  const n = pathOf(avatar).match(/-?[\d.]+/g).map(Number);
  return 0.75 * (n[9] - n[3]);
};
const width = (avatar) => -2 * Number(pathOf(avatar).match(/-?[\d.]+/)[0]);
const weigh = (weights) => Float32Array.from({ length: 17 }, (_, index) => weights[index] ?? 0);
const moment = (weights) => ({ timeMs: 0, speaking: true, weights: weigh(weights), blend: weights });
const say = (avatar, weights) => avatar.frame(moment(weights));
Object.assign(window, { TTSAvatar, TTSService, ttsService, adapters, pathOf, gap, width, moment, say });

// Every adapter moves a model with the interface of its maker's, and lets it go again.
window.runAdapters = () => {
  const { live2d, vrm, arkit, talkingHead } = adapters;
  const frame = (blend) => ({ speaking: true, timeMs: 0, weights: new Float32Array(27), blend });
  const rest = { speaking: false, timeMs: 0, weights: new Float32Array(27), blend: {} };
  const results = {};
  const run = (name, lips, blend, read) => {
    lips.onFrame(frame(blend));
    const speaking = read();
    lips.onFrame(rest);
    results[name] = [lips.visemes, speaking, read()];
  };

  const cubism = { values: {}, setParameterValueById(id, value) { this.values[id] = value; } };
  run("cubism", live2d(cubism), { ParamMouthOpenY: 0.7, ParamMouthForm: -0.5 }, () => ({ ...cubism.values }));

  // Its motions write the mouth too, before each update of the model.
  const heard = new Set();
  const internalModel = { coreModel: cubism, on: (name, act) => heard.add(act), off: (name, act) => heard.delete(act) };
  run("pixi", live2d({ internalModel }), { ParamMouthOpenY: 0.7, ParamMouthForm: -0.5 }, () => {
    if (heard.size) cubism.values.ParamMouthOpenY = 0;
    for (const act of heard) act();
    return { ...cubism.values, listeners: heard.size };
  });

  const expressions = {};
  run("vrm", vrm({ expressionManager: { setValue: (name, weight) => { expressions[name] = weight; } } }), { aa: 0.8, ee: 0.2 }, () => ({ ...expressions }));

  const mesh = { morphTargetDictionary: { jawOpen: 0, mouthSmile_L: 1, browUp: 2 }, morphTargetInfluences: [0, 0, 0.4] };
  run("arkit", arkit(mesh), { jawOpen: 0.6, mouthSmileLeft: 0.3, tongueOut: 1 }, () => [...mesh.morphTargetInfluences]);
  const group = { traverse: (visit) => [{}, mesh].forEach(visit) };
  run("group", arkit(group), { jawOpen: 0.5 }, () => [...mesh.morphTargetInfluences]);
  run("several", arkit([mesh]), { jawOpen: 0.4 }, () => [...mesh.morphTargetInfluences]);

  const morph = () => ({ realtime: null, needsUpdate: false });
  const head = { mtAvatar: { viseme_aa: morph(), viseme_I: morph(), viseme_PP: morph() } };
  run("head", talkingHead(head), { aa: 1, ih: 0.5, PP: 0 }, () => Object.values(head.mtAvatar).map(({ realtime, needsUpdate }) => [realtime, needsUpdate]));
  return results;
};

window.ready = true;
