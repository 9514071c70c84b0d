/** Builds a character's drawing and moves it: mouth from a pose, everything else from a life. */
import type { Life } from "./life.js";
import type { Pose } from "./mouth.js";
export type Mood = {
    smile: number;
    brow: number;
    frown: number;
    upperLid: number;
    lowerLid: number;
};
export type Rig = {
    svg: SVGElement;
    mouth: (pose: Pose, mood: Mood) => void;
    life: (life: Readonly<Life>, mood: Mood) => void;
};
/** @import { Drawing } from "./faces.js" */
/** @import { Life } from "./life.js" */
/** @import { Pose } from "./mouth.js" */
/** @typedef {{ smile: number, brow: number, frown: number, upperLid: number, lowerLid: number }} Mood */
/** @typedef {{ svg: SVGElement, mouth: (pose: Pose, mood: Mood) => void, life: (life: Readonly<Life>, mood: Mood) => void }} Rig */
/** @type {Readonly<Record<string, Mood>>} */
export declare const MOODS: Readonly<Record<string, Mood>>;
/**
 * @param {string} name of the character
 * @returns {Rig}
 */
export declare function buildRig(name: string): Rig;
