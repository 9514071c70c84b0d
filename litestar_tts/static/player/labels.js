/** What the player says in words. Give `player.labels` others to have it in your language; `{…}` is filled in. */
export const LABELS = {
  player: "Listen",
  play: "Play",
  pause: "Pause",
  stop: "Stop",
  previous: "Previous sentence",
  next: "Next sentence",
  speed: "Speed",
  position: "Position in the text",
  positionText: "Sentence {number} of {count}",
  heard: "{time} heard",
  left: "about {time} left",
  whole: "about {time}",
  idle: "Ready",
  loading: "Loading …",
  playing: "Reading",
  paused: "Paused",
  waiting: "Waiting for the server",
  finished: "Finished",
  stopped: "Stopped",
  failed: "Not reading",
  nothing: "There is nothing to read here.",
  noSource: "No element of this page matches “{source}”. Correct the player's `source`.",
  blocked: "The browser wanted a click first. Press Play once more.",
  network: "The speech server cannot be reached. Check the connection, then press Play to go on.",
  busy: "The speech server is busy. Reading goes on by itself in {seconds} s.",
  busyStopped: "The speech server is busy. Press Play to go on, best in {seconds} s.",
  busyNow: "The speech server is busy. Press Play to try again.",
  key: "The speech server asks for a key, and this page has none that it accepts.",
  voice: "The speech server does not know the voice “{voice}”. Choose another.",
  broken: "The sound broke off. Press Play to go on from here.",
  decode: "This browser could not play the sound. Press Play to try again.",
  unavailable: "The speech server cannot speak right now. Press Play to try again.",
  refused: "The speech server refused: {detail}",
};

/** @typedef {typeof LABELS} Labels */

/** @param {string} pattern @param {Record<string, string | number>} values */
export function fill(pattern, values) {
  return pattern.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/**
 * What went wrong, for someone who wants to listen, with what to do.
 *
 * @param {Error & { code?: string, status?: number, retryAfter?: number, problem?: { detail: string } }} error
 * @param {Labels} labels
 * @param {string} voice
 */
export function explain({ code, status = 0, retryAfter, problem, message }, labels, voice) {
  if (code === "autoplay-blocked") return labels.blocked;
  if (code === "network") return labels.network;
  if (code === "truncated") return labels.broken;
  if (code === "decode") return labels.decode;
  if ((status === 429 || status === 503) && retryAfter) return fill(labels.busyStopped, { seconds: Math.ceil(retryAfter) });
  if (status === 429) return labels.busyNow;
  if (status === 401 || status === 403) return labels.key;
  if (status === 404 && voice) return fill(labels.voice, { voice });
  if (status >= 500 || code === "server") return labels.unavailable;
  return fill(labels.refused, { detail: problem?.detail ?? message });
}
