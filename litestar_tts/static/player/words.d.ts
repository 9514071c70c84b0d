/**
 * Where in the source text is the word that is heard? Engines say what they spoke, and that may be written otherwise:
 * numbers in words, abbreviations in full, other quotes, several words joined or one in parts.
 */
export type Span = import("./text.js").Span;
export type Place = {
    at: number;
    end: number;
    score: number;
    before: Place | null;
    word: number;
};
/** Finds the words of one utterance in the text that it speaks, each after the one before. */
export declare class WordFinder {
    #private;
    text: string;
    source: {
        letters: string;
        starts: number[];
        ends: number[];
        borders: boolean[];
    };
    /** @param {string} text */
    constructor(text: string);
    /**
     * What will be heard, as far as it is known; makes what `find` says surer.
     *
     * @param {number} index
     * @param {string} text
     */
    learn(index: number, text: string): void;
    /**
     * @param {number} index Number of the word in the utterance.
     * @param {string} text
     * @returns {Span | null} Null: nothing of the text can be it.
     */
    find(index: number, text: string): Span | null;
}
