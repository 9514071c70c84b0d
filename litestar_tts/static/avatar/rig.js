/** Builds a character's drawing and moves it: mouth from a pose, everything else from a life. */

import { CHARACTERS } from "./faces.js";
import { curves } from "./mouth.js";

/** @import { Drawing } from "./faces.js" */
/** @import { Life } from "./life.js" */
/** @import { Pose } from "./mouth.js" */
/** @typedef {{ smile: number, brow: number, frown: number, upperLid: number, lowerLid: number }} Mood */
/** @typedef {{ svg: SVGElement, mouth: (pose: Pose, mood: Mood) => void, life: (life: Readonly<Life>, mood: Mood) => void }} Rig */

/** @type {Readonly<Record<string, Mood>>} */
export const MOODS = Object.freeze({
  neutral: { smile: 0.5, brow: 0, frown: -0.25, upperLid: 0, lowerLid: 0 },
  happy: { smile: 4.2, brow: 0.35, frown: -0.4, upperLid: 0.04, lowerLid: 0.34 },
  serious: { smile: -1.8, brow: -0.4, frown: 0.7, upperLid: 0.16, lowerLid: 0.1 },
  sad: { smile: -4.4, brow: 0.25, frown: -1, upperLid: 0.22, lowerLid: 0 },
  surprised: { smile: 0, brow: 1.3, frown: -0.2, upperLid: -0.22, lowerLid: -0.15 },
});

const SVG = "http://www.w3.org/2000/svg";
let made = 0;

/** Stops: offset, colour, opacity. @type {Record<string, [string, Record<string, string>, [number, string, number][]]>} */
const GRADIENTS = {
  shade: ["radialGradient", { cx: "0.4", cy: "0.3", r: "0.78" }, [[0, "#fff", 0.3], [0.5, "#fff", 0], [0.72, "#3d0d1c", 0], [1, "#3d0d1c", 0.26]]],
  sheen: ["linearGradient", { x1: "0.3", y1: "0", x2: "0.6", y2: "1" }, [[0, "#ffe3d0", 0.18], [0.42, "#ffe3d0", 0], [0.6, "#000", 0], [1, "#000", 0.24]]],
  cloth: ["linearGradient", { x1: "0.2", y1: "0", x2: "0.5", y2: "1" }, [[0, "#fff", 0.16], [0.5, "#fff", 0], [1, "#000", 0.22]]],
  glass: ["linearGradient", { x1: "0", y1: "0", x2: "0.5", y2: "1" }, [[0, "#7fd0ff", 0.16], [0.6, "#7fd0ff", 0], [1, "#5ff0e0", 0.08]]],
  air: ["radialGradient", { cx: "0.5", cy: "0.3", r: "0.8" }, [[0, "#fff", 0.4], [0.6, "#fff", 0], [1, "#000", 0.1]]],
  blush: ["radialGradient", {}, [[0, "#f0503f", 0.23], [1, "#f0503f", 0]]],
  hollow: ["linearGradient", { x1: "0", y1: "0", x2: "0", y2: "1" }, [[0, "#2c070d", 1], [1, "#74212c", 1]]],
  tongue: ["linearGradient", { x1: "0", y1: "0", x2: "0", y2: "1" }, [[0, "#ee8d92", 1], [1, "#c4505f", 1]]],
  teeth: ["linearGradient", { x1: "0", y1: "0", x2: "0", y2: "1" }, [[0, "#e9dfd6", 1], [1, "#fffdf8", 1]]],
  iris: ["radialGradient", { cx: "0.5", cy: "0.75", r: "0.8" }, [[0, "#ffe9c8", 0.4], [0.6, "#ffe9c8", 0], [1, "#000", 0.34]]],
  lid: ["linearGradient", { x1: "0", y1: "0", x2: "0", y2: "1" }, [[0, "#1c0a12", 0.42], [0.5, "#1c0a12", 0], [1, "#1c0a12", 0]]],
  lips: ["linearGradient", { x1: "0", y1: "0", x2: "0", y2: "1" }, [[0, "#fff", 0.02], [0.6, "#fff", 0.2], [1, "#3d0d1c", 0.16]]],
  socket: ["radialGradient", {}, [[0, "#3d0d1c", 0.2], [1, "#3d0d1c", 0]]],
};

const LASH = "#2a1716";
const MOUTH_DARK = "#5b1620";

/**
 * @param {string} name of the character
 * @returns {Rig}
 */
export function buildRig(name) {
  const character = CHARACTERS[name];
  const { colors, eyes, brows } = character;
  const lips = character.mouth;
  const human = lips.kind === "lips";
  // Unique in the page too: old browsers look ids up there.
  const prefix = `tts-${++made}-`;
  const url = (/** @type {string} */ id) => `url(#${prefix}${id})`;

  /** @param {Drawing} drawing @returns {SVGElement} */
  function draw([tag, attributes, ...children]) {
    const node = document.createElementNS(SVG, tag);
    for (const [key, raw] of Object.entries(attributes)) {
      const value = String(raw);
      const colour = value.startsWith("$") ? value.slice(1) : "";
      node.setAttribute(key, colour ? `var(--tts-${colour}, ${colors[colour]})` : value.startsWith("#") && GRADIENTS[value.slice(1)] ? url(value.slice(1)) : value);
    }
    for (const child of children) node.append(draw(child));
    return node;
  }
  /** @param {string} tag @param {Record<string, string | number>} attributes @param {...SVGElement} children */
  function group(tag, attributes, ...children) {
    const node = draw([tag, attributes]);
    node.append(...children);
    return node;
  }
  const all = (/** @type {Drawing[]} */ drawings) => drawings.map(draw);
  const round = { "stroke-linecap": "round", "stroke-linejoin": "round", fill: "none" };

  // --- mouth
  const opening = draw(["path", { fill: human ? "#hollow" : "#0c3b46", part: "mouth" }]);
  const clipped = draw(["path", {}]);
  const outer = draw(["path", human ? { fill: "$lips" } : { fill: "$lips", stroke: "$lips", "stroke-width": 2, "stroke-linejoin": "round" }]);
  const outerLight = draw(["path", { fill: "#lips" }]);
  const upperLip = draw(["path", { fill: "#3d0d1c", opacity: 0.16 }]);
  const teethUp = draw(["path", human ? { fill: "#teeth", stroke: MOUTH_DARK, "stroke-width": 0.9, "stroke-opacity": 0.5 } : { fill: "$lips", opacity: 0.85 }]);
  const teethDown = draw(["path", human ? { fill: "#teeth", stroke: MOUTH_DARK, "stroke-width": 0.9, "stroke-opacity": 0.5 } : { fill: "$lips", opacity: 0.6 }]);
  const tongue = draw(["path", human ? { fill: "#tongue" } : { fill: "$hair" }]);
  const groove = draw(["path", { ...round, stroke: "#a83c4c", "stroke-width": 1.6, "stroke-opacity": 0.5 }]);
  const rim = draw(["path", { ...round, stroke: MOUTH_DARK, "stroke-width": human ? 4 : 0, "stroke-opacity": 0.32 }]);
  const seam = draw(["path", { ...round, stroke: MOUTH_DARK, "stroke-width": human ? 1.5 : 0, "stroke-opacity": 0.75 }]);
  const shine = draw(["path", { ...round, stroke: "#fff", "stroke-width": human ? 2 : 0, "stroke-opacity": 0.34 }]);
  const dimples = draw(["path", { ...round, stroke: "#2a0f14", "stroke-width": human ? 1.8 : 0 }]);
  const under = draw(["ellipse", { ry: 5, fill: human ? "#socket" : "none", opacity: 0.7 }]);
  const mouth = group(
    "g",
    { transform: `translate(0 ${lips.y})` },
    group("clipPath", { id: `${prefix}opening` }, clipped),
    under,
    dimples,
    outer,
    ...(human ? [outerLight, upperLip] : []),
    shine,
    opening,
    group("g", { "clip-path": url("opening") }, teethDown, tongue, groove, teethUp, rim),
    seam,
  );

  // --- eyes
  const sides = [-1, 1].map((side) => {
    const lid = draw(["path", {}]);
    const lash = draw(["path", { fill: LASH, stroke: LASH, "stroke-width": 1.1, "stroke-linejoin": "round" }]);
    const lower = draw(["path", { ...round, stroke: LASH, "stroke-width": 1.2, "stroke-opacity": 0.3 }]);
    const crease = draw(["path", { ...round, stroke: "#2a0f14", "stroke-width": 1.6, "stroke-opacity": 0.26 }]);
    const ball = draw(["g", {}]);
    const clip = `${prefix}eye${side}`;
    const place = { transform: `translate(${side * eyes.x} ${eyes.y}) scale(${eyes.size})` };
    const mirror = { transform: `scale(${-side} 1)` };
    if (eyes.kind === "lids") {
      ball.append(
        ...all([
          ["circle", { r: 7.4, fill: "$eyes" }],
          ["circle", { r: 7.4, fill: "#iris", stroke: "#150a0c", "stroke-width": 0.9, "stroke-opacity": 0.6 }],
          ["circle", { r: 3.5, fill: "#120b0d" }],
          ["circle", { cx: -2.5, cy: -2.9, r: 2.1, fill: "#fff" }],
          ["circle", { cx: 2.7, cy: 2.7, r: 1, fill: "#fff", opacity: 0.65 }],
        ]),
      );
      const inside = draw(["g", { "clip-path": `url(#${clip})` }, ["ellipse", { cy: -1, rx: 17, ry: 13, fill: "#fffdfb" }]]);
      inside.append(ball, draw(["rect", { x: -17, y: -12, width: 34, height: 22, fill: "#lid" }]));
      const node = group(
        "g",
        place,
        draw(["ellipse", { cx: 0, cy: -4, rx: 21, ry: 15, fill: "#socket" }]),
        group("clipPath", { id: clip }, group("g", {}, lid)),
        inside,
        group("g", mirror, crease, lower, lash),
      );
      // Clip paths take no group: the mirror goes on the path itself.
      lid.setAttribute("transform", `scale(${-side} 1)`);
      lid.parentElement?.replaceWith(lid);
      return { node, lid, lash, lower, crease, ball };
    }
    const shapes = /** @type {Drawing[]} */ (
      eyes.kind === "bead"
        ? [
            ["ellipse", { rx: 11, ry: 14.5, fill: "$eyes" }],
            ["ellipse", { rx: 11, ry: 14.5, fill: "#iris", opacity: 0.35 }],
            ["circle", { cx: -3.2, cy: -5.4, r: 4, fill: "#fff" }],
            ["circle", { cx: 3.4, cy: 5, r: 1.9, fill: "#fff", opacity: 0.8 }],
          ]
        : [
            ["rect", { x: -12, y: -16, width: 24, height: 32, rx: 11, fill: "$eyes", opacity: 0.16 }],
            ["rect", { x: -8.5, y: -12.5, width: 17, height: 25, rx: 8, fill: "$eyes" }],
            ["rect", { x: -4.5, y: -9, width: 5, height: 9, rx: 2.5, fill: "#fff", opacity: 0.7 }],
          ]
    );
    ball.append(...all(shapes));
    return { node: group("g", place, ball), lid, lash, lower, crease, ball };
  });
  const browNodes = [-1, 1].map((side) => {
    const node = draw(["path", { d: brows.d, fill: "$brows", stroke: "$brows", "stroke-width": brows.width, "stroke-linejoin": "round" }]);
    return { side, node };
  });

  // --- the whole
  const outline = draw(["path", { fill: "$skin" }]);
  const outlineShade = draw(["path", { fill: "#shade" }]);
  const behind = group("g", {}, ...all(character.behind));
  const body = group("g", {}, ...all(character.body));
  const features = group("g", {}, ...all(character.features), ...sides.map(({ node }) => node), ...browNodes.map(({ node }) => node), mouth);
  const front = group("g", {}, ...all(character.front));
  const skull = group("g", {});
  if (human) skull.append(...all(character.head), outline, outlineShade);
  else skull.append(outline, outlineShade, ...all(character.head));
  const head = group("g", {}, skull, features, front);
  const svg = group(
    "svg",
    { viewBox: "-120 -120 240 240", width: "100%", height: "100%", "aria-hidden": "true", focusable: "false", part: "face" },
    group(
      "defs",
      {},
      ...Object.entries(GRADIENTS).map(([id, [tag, place, stops]]) =>
        draw([tag, { id: prefix + id, ...place }, ...stops.map(([offset, colour, opacity]) => /** @type {Drawing} */ (["stop", { offset, "stop-color": colour, "stop-opacity": opacity }]))]),
      ),
      draw(["clipPath", { id: `${prefix}frame` }, ["circle", { r: 118 }]]),
    ),
    draw(["circle", { r: 118, fill: "$background" }]),
    draw(["circle", { r: 118, fill: "#air", opacity: "var(--tts-air, 1)" }]),
    group("g", { "clip-path": url("frame") }, behind, body, head),
  );

  // Most parts hold still most of the time, and what is not set need not be painted.
  /** @type {Map<SVGElement, string>} */
  const shown = new Map();
  /** @param {SVGElement} node @param {string} value @param {string} [name] */
  function set(node, value, name = "d") {
    if (shown.get(node) === value) return;
    shown.set(node, value);
    node.setAttribute(name, value);
  }
  /** @param {SVGElement} node @param {number} x @param {number} y @param {string} more */
  const move = (node, x, y, more = "") => set(node, `translate(${num(x)} ${num(y)})${more}`, "transform");

  return {
    svg,
    mouth(pose, mood) {
      const shape = curves(pose, lips, mood.smile);
      for (const node of [outer, outerLight]) set(node, shape.outer);
      for (const node of [opening, clipped, rim, seam]) set(node, shape.opening);
      set(upperLip, shape.upper);
      set(teethUp, shape.teethUp);
      set(teethDown, shape.teethDown);
      set(tongue, shape.tongue);
      set(groove, shape.groove);
      set(shine, shape.shine);
      set(dimples, shape.dimples);
      dimples.setAttribute("stroke-opacity", shape.dimple.toFixed(2));
      set(under, String(shape.under), "cy");
      under.setAttribute("rx", String(shape.underWidth));
      const head = character.outline(shape.jaw * 13);
      for (const node of [outline, outlineShade]) set(node, head);
    },
    life(life, mood) {
      const x = life.yaw * 3.4;
      const y = life.pitch * 2.4;
      const roll = ` rotate(${num(life.roll)} 0 80)`;
      move(head, life.sway + life.yaw * 1.2, life.breath * -0.5 + life.pitch * 1.2, roll);
      move(behind, life.sway - life.yaw * 1.2, life.breath * -0.5 + life.pitch * 0.4, roll);
      move(body, 0, life.breath * -1.1);
      move(features, x, y);
      move(front, x * 0.35, y * 0.3);
      const lid = Math.min(Math.max(life.lid + mood.upperLid * (1 - life.lid), -0.3), 1);
      for (const side of sides) {
        if (eyes.kind === "lids") {
          const low = 7.8 - mood.lowerLid * 5;
          const high = -12.6 + lid * (low + 11.6);
          const upper = `M-15 1C-10 ${num(high)} 5 ${num(high)} 12.5 3.4`;
          set(side.lid, `${upper}C7 ${num(low)} -9 ${num(low + 1)} -15 1Z`);
          // A wing at the outer end, and thinner towards the nose.
          const thick = eyes.lash * 0.62;
          const wing = eyes.wing ? `L-19.5 ${num(-3.6 + lid * 5)}C-16.5 ${num(-1.5 + lid * 3)} -15.5 ${num(-2 + lid * 2)} -14.4 ${num(-2.4 + lid * 2.6)}` : `L-16 ${num(0.6)}`;
          set(side.lash, `M12.5 3.4C5 ${num(high)} -10 ${num(high)} -15 1.4${wing}C-9 ${num(high - thick)} 5 ${num(high - thick * 1.5)} 12.5 3.4Z`);
          set(side.lower, `M-13 3.4C-8 ${num(low + 1)} 6 ${num(low)} 11.5 4`);
          set(side.crease, `M-14 ${num(-6 + lid * 2)}C-8 ${num(-16.5 + lid * 7)} 5 ${num(-16.5 + lid * 7)} 11 ${num(-5 + lid * 3)}`);
          move(side.ball, life.gazeX * 4.6, -1 + life.gazeY * 3 - mood.lowerLid);
        } else {
          const open = Math.max(1 - lid - mood.lowerLid * 0.3, 0.07);
          move(side.ball, life.gazeX * 4, life.gazeY * 3, ` scale(1 ${num(open)})`);
        }
      }
      const raise = (life.brow + mood.brow) * 4.2 - life.lid * 0.8;
      for (const { side, node } of browNodes) {
        const turn = mood.frown * 9 + (life.brow > 0 ? -life.brow * 2 : 0);
        move(node, side * (eyes.x - mood.frown * 1.2), brows.y - raise, ` scale(${-side} 1) rotate(${num(turn)})`);
      }
    },
  };
}

/** @param {number} value */
const num = (value) => Math.round(value * 50) / 50;
