/**
 * Lips for models that a page already shows. Each adapter gives the options that move one:
 * `ttsService.speakStreaming(text, null, null, { ...vrm(model), voice })`. At rest the mouth is given back.
 */
import type { FrameEvent, VisemeSet } from "./types.js";
export type Blend = Record<string, number>;
export type Lips = {
    visemes: VisemeSet;
    onFrame: (frame: Pick<FrameEvent, "speaking" | "blend">) => void;
};
export type CubismModel = {
    setParameterValueById: (id: any, value: number) => void;
};
export type Live2DInternalModel = {
    coreModel: CubismModel;
    on?: (event: any, act: () => void) => unknown;
    off?: (event: any, act: () => void) => unknown;
};
/** @typedef {{ setParameterValueById: (id: any, value: number) => void }} CubismModel */
/** @typedef {{ coreModel: CubismModel, on?: (event: any, act: () => void) => unknown, off?: (event: any, act: () => void) => unknown }} Live2DInternalModel */
/**
 * Live2D (Cubism 3 and later): a Cubism model, or the model of pixi-live2d-display.
 * @param {CubismModel | { internalModel: Live2DInternalModel }} model
 */
export declare function live2d(model: CubismModel | {
    internalModel: Live2DInternalModel;
}): Lips;
/**
 * VRM, as three-vrm loads it.
 * @param {{ expressionManager?: { setValue: (name: any, weight: number) => void } | null }} vrm
 */
export declare function vrm(vrm: {
    expressionManager?: {
        setValue: (name: any, weight: number) => void;
    } | null;
}): Lips;
export type MorphMesh = {
    morphTargetDictionary?: Record<string, number>;
    morphTargetInfluences?: number[];
};
/** @typedef {{ morphTargetDictionary?: Record<string, number>, morphTargetInfluences?: number[] }} MorphMesh */
/**
 * ARKit blend shapes on three.js meshes: one, several (head, teeth, tongue), or a model with them somewhere inside.
 * @param {MorphMesh | Iterable<MorphMesh> | { traverse: (visit: (object: any) => void) => void }} mesh
 */
export declare function arkit(mesh: MorphMesh | Iterable<MorphMesh> | {
    traverse: (visit: (object: any) => void) => void;
}): Lips;
/**
 * TalkingHead (from 1.5 on), whose own clock then keeps to blinking and posture.
 * @param {{ mtAvatar: Record<string, any> }} head
 */
export declare function talkingHead(head: {
    mtAvatar: Record<string, any>;
}): Lips;
