/**
 * The avatar's characters: colours, proportions and drawings, in a square of 240 around (0, 0).
 *
 * A drawing is data: `[tag, attributes, ...children]`. `$skin` stands for the custom property `--tts-skin` with the
 * character's own colour behind it, `#shade` for a gradient of this one avatar. Light and shade are translucent and lie
 * over the plain colours, so that any colour a page chooses is shaded alike.
 */
export type Drawing = [string, Record<string, string | number>, ...Drawing[]];
import type { Lips } from "./mouth.js";
export type Character = {
    /**
     * what it is, for people who do not see it
     */
    label: string;
    colors: Record<string, string>;
    /**
     * of the head; jaw in units downwards
     */
    outline: (jaw: number) => string;
    mouth: Lips & {
        y: number;
        kind: "lips" | "line";
    };
    eyes: {
        x: number;
        y: number;
        kind: "lids" | "bead" | "lamp";
        lash: number;
        wing: boolean;
        size: number;
    };
    /**
     * of the left side
     */
    brows: {
        y: number;
        d: string;
        width: number;
    };
    /**
     * what moves with the head, behind the shoulders
     */
    behind: Drawing[];
    body: Drawing[];
    /**
     * behind the features: ears, beard
     */
    head: Drawing[];
    /**
     * nose, cheeks: they turn with the look
     */
    features: Drawing[];
    /**
     * hair over the forehead, glasses
     */
    front: Drawing[];
};
export declare const CHARACTERS: Readonly<Record<string, Character>>;
