/** What the player says in words. Give `player.labels` others to have it in your language; `{…}` is filled in. */
export declare const LABELS: {
    player: string;
    play: string;
    pause: string;
    stop: string;
    previous: string;
    next: string;
    speed: string;
    position: string;
    positionText: string;
    heard: string;
    left: string;
    whole: string;
    idle: string;
    loading: string;
    playing: string;
    paused: string;
    waiting: string;
    finished: string;
    stopped: string;
    failed: string;
    nothing: string;
    noSource: string;
    blocked: string;
    network: string;
    busy: string;
    busyStopped: string;
    busyNow: string;
    key: string;
    voice: string;
    broken: string;
    decode: string;
    unavailable: string;
    refused: string;
};
export type Labels = typeof LABELS;
/** @typedef {typeof LABELS} Labels */
/** @param {string} pattern @param {Record<string, string | number>} values */
export declare function fill(pattern: string, values: Record<string, string | number>): string;
/**
 * What went wrong, for someone who wants to listen, with what to do.
 *
 * @param {Error & { code?: string, status?: number, retryAfter?: number, problem?: { detail: string } }} error
 * @param {Labels} labels
 * @param {string} voice
 */
export declare function explain({ code, status, retryAfter, problem, message }: Error & {
    code?: string;
    status?: number;
    retryAfter?: number;
    problem?: {
        detail: string;
    };
}, labels: Labels, voice: string): string;
