/** The player's attributes, and the properties that mirror them. */
export declare const ATTRIBUTES: string[];
/** Node and workers know no elements, and importing this there must not fail. */
declare const Base: typeof HTMLElement;
export declare class PlayerAttributes extends Base {
    /** What is read when there is no `source`. */
    get text(): string;
    set text(value: string);
    /** CSS selector of the element that is read. */
    get source(): string;
    set source(value: string);
    /** CSS selector of parts of it that are not read. */
    get skip(): string;
    set skip(value: string);
    /** Whether blocks of code are read too. */
    get code(): boolean;
    set code(value: boolean);
    /** Empty: one for the language of the text. */
    get voice(): string;
    set voice(value: string);
    /** 0.25 to 4. */
    get speed(): number;
    set speed(value: number);
    /** Semitones, -12 to 12. */
    get pitch(): number;
    set pitch(value: number);
    /** Address of another speech API than the one that this module came from. */
    get base(): string;
    set base(value: string);
    /** Title of the player, and its name for assistive technology. */
    get label(): string;
    set label(value: string);
    get compact(): boolean;
    set compact(value: boolean);
}
/**
 * Frameworks set properties on elements that are not defined yet; there they would hide the real ones for ever.
 *
 * @param {any} element
 * @param {string[]} names
 */
export declare function takeEarlyProperties(element: any, names: string[]): void;
export {};
