/**
 * The avatar's mouth as numbers: a pose for each viseme of every set, sums of poses, and the curves that draw one.
 * All sets meet in one space of poses, so a face need not know which set moves it.
 */
import type { FrameEvent, VisemeSet, VisemeValue } from "../types.js";
export type Pose = number[];
export type Lips = {
    upper: number;
    lower: number;
    bow: number;
    scale: number;
};
export declare const REST: Pose;
/**
 * The mouth of a moment of speech, in any set. Null: nothing that a mouth can show.
 * @param {Partial<FrameEvent>} frame
 * @returns {Pose | null}
 */
export declare function poseOfFrame({ weights, blend }: Partial<FrameEvent>): Pose | null;
/**
 * The mouth of one viseme: its position in a numbered set, its name in any set, or weights by name.
 * @param {VisemeValue} viseme
 * @param {VisemeSet} [set]
 * @returns {Pose | null}
 */
export declare function poseOf(viseme: VisemeValue, set?: VisemeSet): Pose | null;
/** @param {Pose} from @param {Pose} to @param {number} share @returns {Pose} */
export declare const between: (from: Pose, to: Pose, share: number) => Pose;
/** How far a mouth is open, 0 to 1. @param {Pose} pose */
export declare const openness: (pose: Pose) => number;
/**
 * One of a few quiet shapes in place of any: for people who want less motion.
 * @param {Pose} pose
 */
export declare function calmPose(pose: Pose): number[];
/**
 * The curves of a pose around the middle of the mouth.
 * @param {Pose} pose
 * @param {Lips} lips
 * @param {number} smile mood: lift added to the corners
 */
export declare function curves(pose: Pose, lips: Lips, smile: number): {
    outer: string;
    upper: string;
    opening: string;
    teethUp: string;
    teethDown: string;
    tongue: string;
    groove: string;
    shine: string;
    dimples: string;
    under: number;
    underWidth: number;
    dimple: number;
    jaw: number;
};
