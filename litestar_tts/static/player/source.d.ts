/** Where the player's text comes from: an element of the page, with its marks, or a plain text. */
export type Article = import("./text.js").Article;
export type Span = import("./text.js").Span;
export declare class Source {
    #private;
    /** @type {Article} */ article: Article;
    /** @type {Element | null} */ element: Element | null;
    /** The page shows another text now than the one that was read. */
    isChanged: boolean;
    /**
     * @param {Element | null} element
     * @param {{ text: string, lang: string, skip?: string, code?: boolean }} options
     * @param {{ jump(offset: number): void, change(): void }} listener
     */
    constructor(element: Element | null, options: {
        text: string;
        lang: string;
        skip?: string;
        code?: boolean;
    }, listener: {
        jump(offset: number): void;
        change(): void;
    });
    close(): void;
    /** @param {Span} word */
    mark(word: Span): void;
    /** Where reading will begin. @param {number} offset */
    markPlace(offset: number): void;
    unmark(): void;
    /** The page scrolls with the sound, from now on. */
    follow(): void;
}
