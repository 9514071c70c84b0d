/**
 * Lips for models that a page already shows. Each adapter gives the options that move one:
 * `ttsService.speakStreaming(text, null, null, { ...vrm(model), voice })`. At rest the mouth is given back.
 */

/** @import { FrameEvent, VisemeSet } from "./types.js" */
/** @typedef {Record<string, number>} Blend */
/** @typedef {{ visemes: VisemeSet, onFrame: (frame: Pick<FrameEvent, "speaking" | "blend">) => void }} Lips */

/** @param {VisemeSet} visemes @param {(blend: Blend, speaking: boolean) => void} move @returns {Lips} */
const lips = (visemes, move) => ({ visemes, onFrame: ({ speaking, blend }) => move(speaking ? blend : {}, speaking) });

/** @typedef {{ setParameterValueById: (id: any, value: number) => void }} CubismModel */
/** @typedef {{ coreModel: CubismModel, on?: (event: any, act: () => void) => unknown, off?: (event: any, act: () => void) => unknown }} Live2DInternalModel */

/**
 * Live2D (Cubism 3 and later): a Cubism model, or the model of pixi-live2d-display.
 * @param {CubismModel | { internalModel: Live2DInternalModel }} model
 */
export function live2d(model) {
  const internal = "internalModel" in model ? model.internalModel : null;
  const core = "internalModel" in model ? model.internalModel.coreModel : model;
  /** @type {Blend} */
  let shown = {};
  let listening = false;
  const show = () => {
    core.setParameterValueById("ParamMouthOpenY", shown.ParamMouthOpenY ?? 0);
    core.setParameterValueById("ParamMouthForm", shown.ParamMouthForm ?? 0);
  };
  return lips("live2d", (blend, speaking) => {
    shown = blend;
    show();
    // Motions write their own mouth at each update; ours has to come after them.
    if (speaking !== listening && internal?.on && internal.off) {
      internal[speaking ? "on" : "off"]?.("beforeModelUpdate", show);
      listening = speaking;
    }
  });
}

/**
 * VRM, as three-vrm loads it.
 * @param {{ expressionManager?: { setValue: (name: any, weight: number) => void } | null }} vrm
 */
export function vrm(vrm) {
  return lips("vrm", (blend) => {
    for (const name of ["aa", "ih", "ou", "ee", "oh"]) vrm.expressionManager?.setValue(name, blend[name] ?? 0);
  });
}

/** @typedef {{ morphTargetDictionary?: Record<string, number>, morphTargetInfluences?: number[] }} MorphMesh */

/**
 * ARKit blend shapes on three.js meshes: one, several (head, teeth, tongue), or a model with them somewhere inside.
 * @param {MorphMesh | Iterable<MorphMesh> | { traverse: (visit: (object: any) => void) => void }} mesh
 */
export function arkit(mesh) {
  /** @type {MorphMesh[]} */
  const meshes = [];
  if ("traverse" in mesh) mesh.traverse((object) => meshes.push(object));
  else meshes.push(...(Symbol.iterator in mesh ? mesh : [mesh]));
  /** @type {Set<string>} those that we have moved, and so have to put back */
  const touched = new Set();
  return lips("arkit", (blend, speaking) => {
    for (const name of Object.keys(blend)) touched.add(name);
    for (const { morphTargetDictionary: places, morphTargetInfluences: weights } of meshes) {
      if (!places || !weights) continue;
      for (const name of touched) {
        // Some exporters write mouthSmile_L.
        const place = places[name] ?? places[name.replace("Left", "_L").replace("Right", "_R")];
        if (place !== undefined) weights[place] = blend[name] ?? 0;
      }
    }
    if (!speaking) touched.clear();
  });
}

const HEAD_NAMES = /** @type {Record<string, string>} */ ({ ih: "I", oh: "O", ou: "U" });

/**
 * TalkingHead (from 1.5 on), whose own clock then keeps to blinking and posture.
 * @param {{ mtAvatar: Record<string, any> }} head
 */
export function talkingHead(head) {
  /** @type {Set<string>} */
  const touched = new Set();
  return lips("oculus", (blend, speaking) => {
    for (const name of Object.keys(blend)) touched.add(name);
    for (const name of touched) {
      const target = head.mtAvatar[`viseme_${HEAD_NAMES[name] ?? name}`];
      // Its models are made for about these strengths; null gives the mouth back.
      const strength = name === "PP" || name === "FF" ? 0.9 : 0.65;
      if (target) Object.assign(target, { realtime: speaking ? (blend[name] ?? 0) * strength : null, needsUpdate: true });
    }
    if (!speaking) touched.clear();
  });
}
