/**
 * Marks the word and the sentence that are heard, without a change to the page's own elements: by CSS custom
 * highlights, and where these are unknown by rectangles on top. Follows the word when it leaves the screen.
 */
/** One player's marks; several share the names, so that a page styles them once. */
export declare class Highlighter {
    #private;
    /** @param {Document | ShadowRoot} root Where the text stands. */
    constructor(root: Document | ShadowRoot);
    /** @param {Range | null} sentence @param {Range | null} word */
    show(sentence: Range | null, word: Range | null): void;
    clear(): void;
}
/** Brings the word that is heard back on screen, unless the reader has scrolled away. */
export declare class Follower {
    #private;
    start(): void;
    stop(): void;
    /** @param {Range} range */
    follow(range: Range): void;
}
