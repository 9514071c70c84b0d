/** What the player needs to know of its surroundings: a voice for the language, media keys, keys. */
export type TTSService = import("../tts.js").TTSService;
/**
 * The first voice of a language; undefined leaves the choice to the server.
 *
 * @param {TTSService} service
 * @param {string} lang
 */
export declare function voiceFor(service: TTSService, lang: string): any;
/**
 * Play and pause of the keyboard, the headset and the lock screen.
 *
 * @param {string} title
 * @param {Partial<Record<MediaSessionAction, () => void>>} actions
 */
export declare function claimMediaKeys(title: string, actions: Partial<Record<MediaSessionAction, () => void>>): void;
/** @param {MediaSessionPlaybackState} state */
export declare function tellMediaKeys(state: MediaSessionPlaybackState): void;
/**
 * What a key on a control of the player asks for: sentences to go, or a command.
 *
 * @param {KeyboardEvent} event
 * @param {{ isSlider: boolean, isRightToLeft: boolean }} where
 * @returns {number | "stop" | "toggle" | null}
 */
export declare function commandOf({ key, altKey, ctrlKey, metaKey }: KeyboardEvent, { isSlider, isRightToLeft }: {
    isSlider: boolean;
    isRightToLeft: boolean;
}): number | "stop" | "toggle" | null;
/**
 * @param {(Document | ShadowRoot)[]} roots
 * @param {string} selector
 */
export declare function findFirst(roots: (Document | ShadowRoot)[], selector: string): Element | null;
/** @param {string | null} json @returns {Record<string, string>} */
export declare function readLabels(json: string | null): Record<string, string>;
