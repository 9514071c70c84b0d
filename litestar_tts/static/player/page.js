/** What the player needs to know of its surroundings: a voice for the language, media keys, keys. */

/** @typedef {import("../tts.js").TTSService} TTSService */

/** @type {WeakMap<TTSService, Map<string, Promise<string | undefined>>>} */
const voices = new WeakMap();

/**
 * The first voice of a language; undefined leaves the choice to the server.
 *
 * @param {TTSService} service
 * @param {string} lang
 */
export function voiceFor(service, lang) {
  const known = voices.get(service) ?? new Map();
  voices.set(service, known);
  const ask = async () => {
    for (const language of new Set([lang, lang.split("-")[0]])) {
      const [voice] = await service.listVoices({ language });
      if (voice) return voice.id;
    }
  };
  const found = known.get(lang) ?? ask().catch(() => void known.delete(lang));
  known.set(lang, found);
  return found;
}

/**
 * Play and pause of the keyboard, the headset and the lock screen.
 *
 * @param {string} title
 * @param {Partial<Record<MediaSessionAction, () => void>>} actions
 */
export function claimMediaKeys(title, actions) {
  if (!("mediaSession" in navigator)) return;
  if (typeof MediaMetadata === "function") navigator.mediaSession.metadata = new MediaMetadata({ title });
  for (const [action, handler] of Object.entries(actions)) {
    try {
      navigator.mediaSession.setActionHandler(/** @type {MediaSessionAction} */ (action), handler);
    } catch {
      // an action that this browser does not know
    }
  }
}

/** @param {MediaSessionPlaybackState} state */
export function tellMediaKeys(state) {
  if ("mediaSession" in navigator) navigator.mediaSession.playbackState = state;
}

/**
 * What a key on a control of the player asks for: sentences to go, or a command.
 *
 * @param {KeyboardEvent} event
 * @param {{ isSlider: boolean, isRightToLeft: boolean }} where
 * @returns {number | "stop" | "toggle" | null}
 */
export function commandOf({ key, altKey, ctrlKey, metaKey }, { isSlider, isRightToLeft }) {
  if (altKey || ctrlKey || metaKey) return null;
  if (key === "Escape") return "stop";
  if (key === "ArrowRight") return isRightToLeft ? -1 : 1;
  if (key === "ArrowLeft") return isRightToLeft ? 1 : -1;
  if (!isSlider) return null;
  if (key === " " || key === "Enter") return "toggle";
  return { ArrowUp: 1, ArrowDown: -1, PageUp: 5, PageDown: -5, Home: -Infinity, End: Infinity }[key] ?? null;
}

/**
 * @param {(Document | ShadowRoot)[]} roots
 * @param {string} selector
 */
export function findFirst(roots, selector) {
  for (const root of roots) {
    try {
      const found = root.querySelector(selector);
      if (found) return found;
    } catch {
      return null; // no selector; the player says that nothing matches
    }
  }
  return null;
}

/** @param {string | null} json @returns {Record<string, string>} */
export function readLabels(json) {
  if (!json) return {};
  try {
    return JSON.parse(json);
  } catch {
    console.error('<tts-player>: `labels` is not JSON; give an object such as {"play": "Abspielen"}.');
    return {};
  }
}
