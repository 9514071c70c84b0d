// The faces that the avatar can wear.

import { $, make } from "./connection.js";

export const FACES = ["ada", "ben", "zuri", "robot", "star"];

/** @param {string} face */
export const faceName = (face) => face.charAt(0).toUpperCase() + face.slice(1);

/** The buttons that change the studio's face, each with a small one on it that is not moved by speech. */
export function faceButtons() {
  const avatar = $("avatar");
  /** @param {string} face */
  const wear = (face) => {
    avatar.setAttribute("face", face);
    for (const button of $("faces").children) button.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (button).dataset.face === face));
  };
  $("faces").replaceChildren(...FACES.map((face) => {
    const small = /** @type {import("../avatar.js").TTSAvatar} */ (document.createElement("tts-avatar"));
    small.setAttribute("face", face);
    small.setAttribute("label", "");
    small.setAttribute("for", "");
    const button = make("button", { type: "button", ariaLabel: faceName(face), title: faceName(face), onclick: () => wear(face) }, small);
    button.dataset.face = face;
    return button;
  }));
  wear(FACES[0]);
}
