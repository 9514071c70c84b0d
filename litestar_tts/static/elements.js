/** Defines `<tts-player>` and `<tts-avatar>`. */

import { TTSAvatar } from "./avatar.js";
import { TTSPlayer } from "./player.js";

if (globalThis.customElements) {
  // A second copy of this module on the page leaves the first one's elements alone.
  if (!customElements.get("tts-player")) customElements.define("tts-player", TTSPlayer);
  if (!customElements.get("tts-avatar")) customElements.define("tts-avatar", TTSAvatar);
}

export { TTSAvatar, TTSPlayer };
