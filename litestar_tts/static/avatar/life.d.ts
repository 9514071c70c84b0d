/**
 * What a face does besides its mouth: blinking, looking, breathing, small motion of the head, accents of speech.
 * Numbers only; the rig draws them.
 */
export type Life = {
    lid: number;
    gazeX: number;
    gazeY: number;
    yaw: number;
    pitch: number;
    roll: number;
    sway: number;
    breath: number;
    brow: number;
};
export type LifeClock = {
    step: (now: number, speaking: boolean, open: number, look: readonly [number, number]) => Life;
    accent: (strength: number) => void;
};
/** @typedef {{ lid: number, gazeX: number, gazeY: number, yaw: number, pitch: number, roll: number, sway: number, breath: number, brow: number }} Life */
/** @typedef {{ step: (now: number, speaking: boolean, open: number, look: readonly [number, number]) => Life, accent: (strength: number) => void }} LifeClock */
/**
 * A face that holds still.
 * @param {readonly [number, number]} look
 * @returns {Life}
 */
export declare const stillLife: ([x, y]: readonly [number, number]) => Life;
/**
 * The life of one face. Clocks start at different places, so that two faces never move alike.
 * @returns {LifeClock}
 */
export declare function startLife(): LifeClock;
