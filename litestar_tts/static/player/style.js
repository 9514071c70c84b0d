/** How the player looks; pages change it by custom properties and `::part()`. */
export const STYLE = `
:host {
  --_text: var(--tts-text, #1c2130); --_muted: var(--tts-muted, #596077); --_surface: var(--tts-surface, #ffffff);
  --_border: var(--tts-border, #dfe2ea); --_track: var(--tts-track, #d9dde7); --_accent: var(--tts-accent, #3a52c4);
  --_on-accent: var(--tts-on-accent, #ffffff); --_hover: var(--tts-hover, #eff1f7); --_danger: var(--tts-danger, #b3261e);
  --_radius: var(--tts-radius, 18px);
  display: block; min-width: 0; color: var(--_text); text-align: start;
  font: 400 15px/1.45 var(--tts-font, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif);
}
@supports (color: light-dark(white, black)) {
  :host {
    --_text: var(--tts-text, light-dark(#1c2130, #eceef6)); --_muted: var(--tts-muted, light-dark(#596077, #a9b0c7));
    --_surface: var(--tts-surface, light-dark(#ffffff, #1b1e2b)); --_border: var(--tts-border, light-dark(#dfe2ea, #343a4f));
    --_track: var(--tts-track, light-dark(#d9dde7, #3c435b)); --_accent: var(--tts-accent, light-dark(#3a52c4, #aab8ff));
    --_on-accent: var(--tts-on-accent, light-dark(#ffffff, #141833)); --_hover: var(--tts-hover, light-dark(#eff1f7, #2a2f42));
    --_danger: var(--tts-danger, light-dark(#b3261e, #ff9c94));
  }
}
:host([hidden]), [hidden] { display: none !important; }
* { box-sizing: border-box; }
.player {
  padding: 14px 16px 12px; border: 1px solid var(--_border); border-radius: var(--_radius); background: var(--_surface);
  box-shadow: var(--tts-shadow, 0 1px 2px rgb(16 22 48 / 0.05), 0 6px 20px rgb(16 22 48 / 0.06));
}
.row { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 14px; }
.text { flex: 999 1 130px; min-width: 0; overflow: hidden; }
.title { margin: 0; overflow: hidden; font-size: 1.02em; font-weight: 650; letter-spacing: -0.01em; text-overflow: ellipsis; white-space: nowrap; }
.facts { display: flex; flex-wrap: wrap; margin-inline-start: -1.4em; color: var(--_muted); font-size: 0.88em; font-variant-numeric: tabular-nums; }
.facts p { position: relative; margin: 0; padding-inline-start: 1.4em; unicode-bidi: plaintext; }
.facts p::before { content: "·"; content: "·" / ""; position: absolute; inset-inline-start: 0; width: 1.4em; text-align: center; } /* one at the start of a line is cut off */
.facts p:empty { display: none; }
.controls { display: flex; flex: 1 0 auto; align-items: center; gap: 4px; margin-inline-start: 4px; }
button, select {
  min-width: 44px; height: 44px; border: 0; border-radius: 999px; background: none; color: inherit; font: inherit; cursor: pointer;
  -webkit-tap-highlight-color: transparent; touch-action: manipulation;
}
button { display: grid; flex: none; place-items: center; padding: 0; transition: background-color 0.15s; }
button svg { display: block; width: 22px; height: 22px; fill: currentColor; }
button:hover, select:hover { background: var(--_hover); }
button[aria-disabled="true"] { color: var(--_muted); opacity: 0.55; cursor: default; }
button[aria-disabled="true"]:hover { background: none; }
:is(.previous, .next):dir(rtl) svg { transform: scaleX(-1); }
.play { width: 52px; height: 52px; background: var(--_accent); color: var(--_on-accent); }
.play:hover { background: color-mix(in srgb, var(--_accent) 88%, var(--_text)); }
.play svg { width: 24px; height: 24px; }
.play .spin { display: none; }
.loading .play .spin, .waiting .play .spin { display: block; animation: spin 0.9s linear infinite; fill: none; stroke: currentColor; }
.loading .play .shape, .waiting .play .shape { display: none; }
@keyframes spin { to { transform: rotate(1turn); } }
.speed { position: relative; margin-inline-start: auto; }
.speed::after {
  content: ""; position: absolute; inset-inline-end: 13px; top: 17px; width: 6px; height: 6px; pointer-events: none;
  border: solid var(--_muted); border-width: 0 2px 2px 0; transform: rotate(45deg);
}
select {
  padding-block: 0; padding-inline: 12px 27px; border: 1px solid var(--_border); appearance: none; -webkit-appearance: none;
  font-size: 0.93em; font-variant-numeric: tabular-nums;
}
option { background: var(--_surface); color: var(--_text); }
:focus-visible { outline: 3px solid var(--tts-focus, var(--_accent)); outline-offset: 1px; }
.seek { position: relative; display: flex; align-items: center; height: 44px; margin-block: 0 -8px; }
.seek::before, .seek::after { content: ""; position: absolute; inset-inline-start: 0; height: 6px; border-radius: 3px; background: var(--_track); pointer-events: none; }
.seek::before { inline-size: 100%; }
.seek::after { inline-size: calc(8px + var(--done, 0) * (100% - 16px)); background: var(--_accent); }
input { position: relative; z-index: 1; width: 100%; height: 44px; margin: 0; appearance: none; -webkit-appearance: none; background: none; cursor: pointer; border-radius: 8px; touch-action: pan-y; }
input::-webkit-slider-runnable-track { height: 44px; background: none; }
input::-moz-range-track { height: 44px; background: none; }
input::-webkit-slider-thumb { -webkit-appearance: none; width: 16px; height: 16px; margin-top: 14px; border: 0; border-radius: 50%; background: var(--_accent); box-shadow: 0 0 0 3px var(--_surface); }
input::-moz-range-thumb { width: 16px; height: 16px; border: 0; border-radius: 50%; background: var(--_accent); box-shadow: 0 0 0 3px var(--_surface); }
.caption { min-height: 2.9em; margin: 6px 0 4px; font-size: 1.12em; text-wrap: pretty; overflow-wrap: anywhere; }
.caption mark { border-radius: 4px; padding: 0 1px; margin: 0 -1px; background: var(--tts-highlight, #ffd24d); color: var(--tts-highlight-text, #1d1600); }
.error { margin: 8px 0 4px; color: var(--_danger); font-weight: 550; overflow-wrap: anywhere; }
.error:empty { margin: 0; } /* still there, so that what comes into it is read out */
.body:not([hidden]) { display: block; margin-top: 10px; }
:host([compact]) .player { padding-block: 4px; padding-inline: 4px 12px; border-radius: var(--tts-radius, 30px); }
:host([compact]) .row { flex-wrap: nowrap; gap: 6px; }
:host([compact]) .play { width: 44px; height: 44px; }
:host([compact]) .text { flex: 0 0 auto; }
:host([compact]) :is(.title, .previous, .next, .speed, .caption) { display: none; }
:host([compact]) .facts .state, .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
:host([compact]) .facts, :host([compact]) .facts p { margin: 0; padding: 0; }
:host([compact]) .facts p::before { display: none; }
:host([compact]) .seek { flex: 1 1 80px; min-width: 60px; margin: 0 4px; }
:host([compact]) .error { margin: 2px 8px 6px; }
:host([compact]) .facts .heard { display: none; }
:host([compact]) .controls { flex-grow: 0; margin: 0; }
@media (prefers-reduced-motion: reduce) {
  button { transition: none; }
  .loading .play .spin, .waiting .play .spin { animation-duration: 4s; }
}
@media (forced-colors: active) {
  .player, select { border: 1px solid CanvasText; }
  button, .play, .play:hover { border: 1px solid ButtonText; forced-color-adjust: none; background: ButtonFace; color: ButtonText; }
  button[aria-disabled="true"] { color: GrayText; border-color: GrayText; opacity: 1; }
  .seek::before { background: Canvas; outline: 1px solid CanvasText; forced-color-adjust: none; }
  .seek::after { background: Highlight; forced-color-adjust: none; }
  input::-webkit-slider-thumb { background: CanvasText; forced-color-adjust: none; }
  .caption mark { background: Highlight; color: HighlightText; forced-color-adjust: none; }
}`;
