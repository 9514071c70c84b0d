/**
 * The text of a page as it is read aloud: visible text in order, cut into blocks and sentences, and the way back from a
 * place in the text to the place in the document.
 */
export type Span = {
    start: number;
    end: number;
};
export type Block = Span & {
    lang: string;
};
export type Run = {
    start: number;
    length: number;
    node: Text;
    offset: number;
};
export type Article = {
    text: string;
    lang: string;
    blocks: Block[];
    sentences: Span[];
    runs: Run[];
};
export type Section = Span & {
    text: string;
    pauseMs: number;
};
/**
 * @param {string} text
 * @param {string} [lang]
 * @returns {Article}
 */
export declare function readText(text: string, lang?: string): Article;
/**
 * What a reader sees of an element, in document order.
 *
 * @param {Element} root
 * @param {{ skip?: string, code?: boolean }} [options] Selector of further parts that are not read; whether blocks of code are.
 * @returns {Article}
 */
export declare function readElement(root: Element, { skip, code }?: {
    skip?: string;
    code?: boolean;
}): Article;
/**
 * @param {Article} article
 * @param {Span} span
 * @returns {Range | null} Null for text that is in no document, or no longer.
 */
export declare function rangeOf(article: Article, { start, end }: Span): Range | null;
/**
 * @param {Article} article
 * @param {Node} node
 * @param {number} offset
 * @returns {number | null} Place in the text; null where nothing is read.
 */
export declare function offsetOf(article: Article, node: Node, offset: number): number | null;
/**
 * Start of the word that a place lies in.
 *
 * @param {Article} article
 * @param {number} offset
 */
export declare function wordStart(article: Article, offset: number): number;
/**
 * @param {Article} article
 * @param {number} offset
 * @returns {number} Position in `article.sentences` of the one that is read there.
 */
export declare function sentenceAt(article: Article, offset: number): number;
/**
 * What to say next: whole sentences from `offset` on, together about `size` characters and never more than `limit`.
 *
 * @param {Article} article
 * @param {number} offset
 * @param {number} size
 * @param {number} limit
 * @returns {Section | null} Null at the end.
 */
export declare function nextSection(article: Article, offset: number, size: number, limit: number): Section | null;
/** @param {Article} article @param {number} offset @param {number} rate Characters a second. */
export declare function leftMs(article: Article, offset: number, rate: number): number;
/** Characters a second, before anything was heard. @param {string} text */
export declare function usualRate(text: string): 5 | 14;
