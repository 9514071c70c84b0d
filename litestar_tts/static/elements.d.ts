/** Defines `<tts-player>` and `<tts-avatar>`. */
import { TTSAvatar } from "./avatar.js";
import { TTSPlayer } from "./player.js";
export { TTSAvatar, TTSPlayer };
