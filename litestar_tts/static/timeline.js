// The demo page's timeline: sound, visemes and words around the present, drawn anew for each frame.

import { OPENNESS } from "./mouth.js";

const canvas = document.getElementById("timeline"), paint = canvas.getContext("2d"), SCALE = 210;

/** Draw what `player` holds (null: nothing yet) with `at` seconds under the mark. */
export function drawTimeline(player, at) {
  const ratio = devicePixelRatio, width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio)) { canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio); }
  paint.setTransform(ratio, 0, 0, ratio, 0, 0);
  paint.clearRect(0, 0, width, height);
  const head = width * 0.3, left = at - head / SCALE, right = left + width / SCALE, x = (time) => (time - left) * SCALE;
  const middle = height * 0.26, base = height - 32, tall = height * 0.27;
  paint.fillStyle = "rgb(255 255 255 / 0.16)";
  paint.fillRect(Math.max(0, x(0)), middle - 0.5, width, 1);
  if (player) {
    for (let slot = Math.max(0, Math.floor(left * 100)); slot < Math.min(player.peaks.length, right * 100); slot++) {
      const size = Math.max(1, player.peaks[slot] * height * 0.22);
      paint.fillStyle = slot / 100 < at ? "#f7c548" : "rgb(185 188 224 / 0.75)";
      paint.fillRect(x(slot / 100), middle - size, 1.2, 2 * size);
    }
    player.visemes.forEach(({ time, index }, position) => {
      const end = player.visemes[position + 1]?.time ?? player.duration;
      if (end < left || time > right) return;
      const size = 3 + OPENNESS[index] * tall;
      paint.fillStyle = index === 0 ? "rgb(255 255 255 / 0.14)" : `hsl(${index < 6 ? 38 + index * 4 : 190 + index * 6} 75% ${time < at ? 66 : 54}%)`;
      paint.beginPath();
      paint.roundRect(x(time) + 1, base - size, Math.max(2, (end - time) * SCALE - 2), size, 3);
      paint.fill();
    });
    paint.font = "600 13px system-ui, sans-serif";
    let free = -Infinity;
    for (const { text, time, duration } of player.words) {
      if (time + 3 < left || time > right) continue;
      paint.fillStyle = at >= time && at < time + duration ? "#ffdf8a" : time < at ? "#f3f1ea" : "#b9bce0";
      paint.fillText(text, free = Math.max(x(time) + 1, free), height - 11);
      free += paint.measureText(text).width + 6;
    }
  } else {
    paint.font = "500 14px system-ui, sans-serif";
    paint.fillStyle = "#b9bce0";
    paint.fillText("Sound, mouth shapes and words", head + 16, height - 14);
  }
  paint.fillStyle = "#ff8a6b";
  paint.fillRect(head - 1, 8, 2, height - 16);
}
