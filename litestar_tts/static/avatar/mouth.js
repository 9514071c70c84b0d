/**
 * The avatar's mouth as numbers: a pose for each viseme of every set, sums of poses, and the curves that draw one.
 * All sets meet in one space of poses, so a face need not know which set moves it.
 */

/** @import { FrameEvent, VisemeSet, VisemeValue } from "../types.js" */

/** @typedef {number[]} Pose */
/** @typedef {{ upper: number, lower: number, bow: number, scale: number }} Lips a character's own: thickness, and size of its mouth */

/**
 * Half width, opening above and below the line where lips meet, roundness, lip thickness, lift of the corners, upper and
 * lower teeth that show, height of the tongue and of its tip, lips pressed together, lower lip under the teeth, jaw.
 */
const [WIDTH, UP, DOWN, ROUND, THICK, LIFT, TEETH, LOWER, TONGUE, TIP, PRESS, TUCK, JAW] = Array(13).keys();

/** The 17 classes of the default set. @type {Pose[]} */
const CLASSES = [
  [20.5, 0, 0, 0, 1, 2.7, 0, 0, 0, 0, 0, 0, 0], // silence
  [21.5, 8.5, 16.5, 0.6, 0.92, 0.5, 0.62, 0, 0.3, 0, 0, 0, 1], // a
  [25, 6.5, 9.5, 0.28, 0.86, 2, 0.85, 0.15, 0.42, 0, 0, 0, 0.52], // e
  [28, 4.6, 5.4, 0.12, 0.78, 4, 0.95, 0.55, 0.5, 0, 0, 0, 0.2], // i
  [14.5, 9, 13.5, 1, 1.15, -0.5, 0.12, 0, 0.12, 0, 0, 0, 0.72], // o
  [9.2, 4.4, 5.6, 1, 1.5, -0.8, 0, 0, 0, 0, 0, 0, 0.26], // u
  [19.2, 0, 0, 0, 0.66, 0.6, 0, 0, 0, 0, 1, 0, -0.06], // b m p
  [18.2, 6.8, 0.8, 0.35, 0.88, -0.6, 1.3, 0, 0, 0, 0, 1, 0.04], // f v
  [11.8, 2.8, 3.8, 0.95, 1.36, -0.4, 0.3, 0, 0, 0, 0, 0, 0.16], // w r
  [19.5, 7, 9, 0.4, 0.92, 1, 0.5, 0, 0.86, 1, 0, 0, 0.46], // l
  [21, 5, 6.6, 0.3, 0.9, 1, 0.62, 0, 0.86, 0.55, 0, 0, 0.3], // d n t
  [25, 4.6, 4.4, 0.1, 0.8, 2.4, 1, 1, 0.15, 0, 0, 0, 0.08], // s z
  [16.5, 6.6, 7.6, 0.62, 1.2, 0.2, 0.95, 0.75, 0.4, 0, 0, 0, 0.3], // j ch
  [13.2, 5.2, 5.4, 0.9, 1.36, -0.4, 1, 1, 0, 0, 0, 0, 0.18], // sh
  [20.5, 6.4, 9.8, 0.42, 0.92, 0.6, 0.4, 0.1, 0.82, 0, 0, 0, 0.54], // k g
  [25.5, 4.2, 6.4, 0.18, 0.82, 3, 0.7, 0.2, 0.75, 0, 0, 0, 0.26], // y
  [19.5, 6, 9.6, 0.5, 0.96, 0.6, 0.35, 0, 0.22, 0, 0, 0, 0.5], // h
];
/** th, which the default set counts to d n t: the tongue between the teeth. */
const TH = [21.5, 5, 5.6, 0.25, 0.9, 1, 0.45, 0, 0.95, 0.8, 0, 0, 0.24];
/** The neutral vowel. */
const SCHWA = [20.5, 4.5, 6.5, 0.4, 0.95, 1, 0.5, 0, 0.25, 0, 0, 0, 0.34];

export const REST = /** @type {Pose} */ (CLASSES[0]);

/** How a pose differs from rest; sums of these mix shapes. @param {Pose} pose */
const change = (pose) => pose.map((value, column) => value - REST[column]);

/** By position. @type {Record<number, Pose[]>} */
const NUMBERED = {
  17: CLASSES.map(change),
  22: [0, SCHWA, 1, 4, 2, SCHWA, 3, 5, 4, 1, 4, 1, 16, 8, 9, 11, 13, TH, 7, 10, 14, 6].map((shape) =>
    change(typeof shape === "number" ? CLASSES[shape] : shape),
  ),
};

/** Names of the default set's classes, of Oculus, Polly, Rhubarb and VRM, by what they look like. */
const NAMES = [
  "sil X",
  "a aa D",
  "e E ee C",
  "i ih I",
  "o O oh",
  "u U ou F",
  "bmp p PP A",
  "fv f FF G",
  "wr r RR",
  "l H",
  "dnt t DD nn",
  "sz s SS B",
  "jch CH",
  "sh S",
  "kg k kk",
  "y",
  "h",
];

/** @type {Map<string, Pose>} */
const NAMED = new Map();
NAMES.forEach((names, index) => {
  for (const name of names.split(" ")) NAMED.set(name, NUMBERED[17][index]);
});
NAMED.set("TH", change(TH)).set("T", change(TH)).set("@", change(SCHWA));

/** Rhubarb's E is round; everywhere else E is the vowel of "bed". */
const RHUBARB_E = change(CLASSES[4].map((value, column) => (value + SCHWA[column]) / 2));

// The controls of Live2D and ARKit: what a full weight of each adds; a star stands for Left and Right.
for (const [name, columns] of /** @type {[string, Record<number, number>][]} */ ([
  ["ParamMouthOpenY", { [UP]: 9, [DOWN]: 18, [ROUND]: 0.5, [TEETH]: 0.6, [TONGUE]: 0.28, [JAW]: 1 }],
  ["ParamMouthForm", { [WIDTH]: 8, [LIFT]: 2.5, [ROUND]: -0.5, [THICK]: -0.25, [TEETH]: 0.3 }],
  ["jawOpen", { [UP]: 9, [DOWN]: 24, [ROUND]: 0.8, [TEETH]: 0.7, [TONGUE]: 0.5, [JAW]: 1.6 }],
  ["mouthFunnel", { [WIDTH]: -9, [UP]: 8, [DOWN]: 8, [ROUND]: 1.3, [THICK]: 0.5, [TEETH]: 0.5 }],
  ["mouthPucker", { [WIDTH]: -13, [UP]: 2, [DOWN]: 2, [ROUND]: 1, [THICK]: 0.6 }],
  ["mouthRollLower", { [TUCK]: 2.2, [TEETH]: 2 }],
  ["mouthRollUpper", { [THICK]: -0.5 }],
  ["mouthClose", { [PRESS]: 1 }],
  ["mouthShrugUpper", { [UP]: 10 }],
  ["tongueOut", { [TONGUE]: 1.6, [TIP]: 2 }],
  ["mouthSmile*", { [WIDTH]: 5, [LIFT]: 3, [TEETH]: 0.3 }],
  ["mouthFrown*", { [LIFT]: -3 }],
  ["mouthStretch*", { [WIDTH]: 6, [TEETH]: 0.4, [THICK]: -0.2 }],
  ["mouthLowerDown*", { [DOWN]: 6, [LOWER]: 1.4 }],
  ["mouthUpperUp*", { [UP]: 6, [TEETH]: 1.5 }],
  ["mouthPress*", { [PRESS]: 1.5, [THICK]: -0.5 }],
])) {
  const pose = REST.map((_, column) => columns[column] ?? 0);
  for (const side of name.endsWith("*") ? ["Left", "Right"] : [""]) NAMED.set(name.replace("*", side), pose);
}

const LOW = [7, 0, 0, 0, 0.55, -6, 0, 0, 0, 0, 0, 0, -0.1];
const HIGH = [32, 13, 24, 1, 1.7, 9, 1.2, 1, 1, 1, 1, 1, 1.2];

/** @param {Pose} pose @returns {Pose} */
const clamp = (pose) => pose.map((value, column) => Math.min(Math.max(value, LOW[column]), HIGH[column]));

/**
 * The mouth of a moment of speech, in any set. Null: nothing that a mouth can show.
 * @param {Partial<FrameEvent>} frame
 * @returns {Pose | null}
 */
export function poseOfFrame({ weights, blend }) {
  const pose = [...REST];
  const count = weights?.length ?? 0;
  const names = blend ? Object.keys(blend) : [];
  if (names.some((name) => NAMED.has(name))) {
    for (const name of names) add(pose, name === "E" && count === 9 ? RHUBARB_E : NAMED.get(name), blend?.[name]);
  } else if (weights && NUMBERED[count]) {
    for (let index = 0; index < count; index++) add(pose, NUMBERED[count][index], weights[index]);
  } else if (names.length) {
    for (const name of names) add(pose, NUMBERED[17][Number(name)], blend?.[name]);
  } else if (!weights && !blend) {
    return null;
  }
  return clamp(pose);
}

/**
 * The mouth of one viseme: its position in a numbered set, its name in any set, or weights by name.
 * @param {VisemeValue} viseme
 * @param {VisemeSet} [set]
 * @returns {Pose | null}
 */
export function poseOf(viseme, set) {
  if (typeof viseme === "object") return poseOfFrame({ blend: viseme });
  if (viseme === "E" && set === "rhubarb") return poseOfShape(RHUBARB_E);
  return poseOfShape(NAMED.get(String(viseme)) ?? NUMBERED[set === "azure" ? 22 : 17][Number(viseme)]);
}

/** @param {Pose | undefined} shape */
function poseOfShape(shape) {
  return shape ? shape.map((value, column) => value + REST[column]) : null;
}

/** @param {Pose} pose @param {Pose | undefined} shape @param {number | undefined} weight */
function add(pose, shape, weight) {
  if (!shape || !weight) return;
  for (let column = 0; column < pose.length; column++) pose[column] += shape[column] * weight;
}

/** @param {Pose} from @param {Pose} to @param {number} share @returns {Pose} */
export const between = (from, to, share) => from.map((value, column) => value + (to[column] - value) * share);

/** How far a mouth is open, 0 to 1. @param {Pose} pose */
export const openness = (pose) => Math.min(1, ((pose[UP] + pose[DOWN]) / 27) * (1 - seal(pose[PRESS])));

/**
 * One of a few quiet shapes in place of any: for people who want less motion.
 * @param {Pose} pose
 */
export function calmPose(pose) {
  const open = pose[UP] + pose[DOWN];
  if (pose[PRESS] > 0.5 || open < 4) return REST;
  if (pose[ROUND] > 0.75) return CLASSES[4];
  return open > 15 ? CLASSES[2] : SCHWA;
}

/** Closing wins before its weight is full: a p between two vowels has no time for all of it. @param {number} press */
function seal(press) {
  const share = Math.min(Math.max((press - 0.3) / 0.45, 0), 1);
  return share * share * (3 - 2 * share);
}

/** @param {number} value */
const n = (value) => Math.round(value * 100) / 100;

/**
 * The curves of a pose around the middle of the mouth.
 * @param {Pose} pose
 * @param {Lips} lips
 * @param {number} smile mood: lift added to the corners
 */
export function curves(pose, lips, smile) {
  const size = lips.scale;
  const closing = 1 - seal(pose[PRESS]);
  const tuck = Math.min(pose[TUCK], 1);
  const width = (pose[WIDTH] + Math.max(smile, 0) * 0.7) * size;
  const up = Math.max(pose[UP] * closing * size, 0.01);
  // Teeth on the lip: however much of another shape is mixed in, f and v leave no gap below the teeth.
  const down = Math.max(pose[DOWN] * closing * (1 - 0.6 * tuck) * size, 0.01);
  const lift = (pose[LIFT] + smile) * size;
  const round = pose[ROUND];
  const jaw = pose[JAW];
  const thickUp = lips.upper * size * pose[THICK] * (1 - 0.12 * tuck);
  const thickDown = lips.lower * size * pose[THICK] * (1 - 0.5 * tuck);

  const bend = width * (0.48 + 0.5 * round);
  const corner = -lift;
  // A cubic whose ends lie at the corners passes its middle at three quarters of its controls' height.
  const reach = (/** @type {number} */ middle) => (middle - corner / 4) / 0.75;
  const top = reach(-up);
  const bottom = reach(down);
  const upperEdge = `C${n(-bend)} ${n(top)} ${n(bend)} ${n(top)} ${n(width)} ${n(corner)}`;
  const lowerEdge = `C${n(bend)} ${n(bottom)} ${n(-bend)} ${n(bottom)} ${n(-width)} ${n(corner)}`;

  const side = width + 1.6 * size + thickDown * 0.25 * round;
  const peak = -up - thickUp;
  const dip = peak + lips.bow * size * (1 - 0.55 * round) * Math.min(pose[THICK], 1);
  const px = (4.4 + width * 0.09) * (1 - 0.25 * round);
  const swing = side * (0.42 + 0.3 * round);
  const bow =
    `C${n(-side * (0.72 + 0.26 * round))} ${n(corner + (peak - corner) * (0.42 + 0.3 * round))} ${n(-swing)} ${n(peak)} ${n(-px)} ${n(peak)}` +
    `Q${n(-px * 0.35)} ${n(peak)} 0 ${n(dip)}Q${n(px * 0.35)} ${n(peak)} ${n(px)} ${n(peak)}` +
    `C${n(swing)} ${n(peak)} ${n(side * (0.72 + 0.26 * round))} ${n(corner + (peak - corner) * (0.42 + 0.3 * round))} ${n(side)} ${n(corner)}`;
  const under = reach(down + thickDown);
  const full = side * (0.56 + 0.4 * round);
  const outer = `M${n(-side)} ${n(corner)}${bow}C${n(full)} ${n(under)} ${n(-full)} ${n(under)} ${n(-side)} ${n(corner)}Z`;
  const opening = `M${n(-width)} ${n(corner)}${upperEdge}${lowerEdge}Z`;

  const arch = Math.min(1.6 * size, up * 0.3);
  const edge = -up + pose[TEETH] * Math.min(7.5 * size, (up + down) * 0.94);
  const lower = down - pose[LOWER] * Math.min(4.6 * size, (up + down) * 0.5);
  const wide = width + 4;
  const tip = pose[TIP];
  const half = width * (0.74 - 0.3 * tip);
  const height = (up + down) * pose[TONGUE];
  const crest = down + 2 - height * 0.95;
  const floor = down + 14 * size;
  return {
    outer,
    upper: `M${n(-side)} ${n(corner)}${bow}L${n(width)} ${n(corner)}C${n(bend)} ${n(top)} ${n(-bend)} ${n(top)} ${n(-width)} ${n(corner)}Z`,
    opening,
    teethUp: `M${n(-wide)} ${n(-up - 24)}H${n(wide)}V${n(edge - 1)}Q0 ${n(edge + arch)} ${n(-wide)} ${n(edge - 1)}Z`,
    teethDown: `M${n(-wide)} ${n(floor)}H${n(wide)}V${n(lower + 0.6)}Q0 ${n(lower - arch)} ${n(-wide)} ${n(lower + 0.6)}Z`,
    tongue: `M${n(-half * 1.1)} ${n(floor)}C${n(-half * 1.1)} ${n(crest + height * 0.3)} ${n(-half * 0.6)} ${n(crest)} 0 ${n(crest)}C${n(half * 0.6)} ${n(crest)} ${n(half * 1.1)} ${n(crest + height * 0.3)} ${n(half * 1.1)} ${n(floor)}Z`,
    groove: `M0 ${n(crest + 1.6)}V${n(crest + 1.6 + height * 0.5)}`,
    shine: `M${n(-width * 0.3)} ${n(down + thickDown * 0.48)}Q0 ${n(down + thickDown * 0.68)} ${n(width * 0.3)} ${n(down + thickDown * 0.48)}`,
    dimples: `M${n(-side - 2)} ${n(corner - 2.6)}Q${n(-side - 4.2)} ${n(corner + 0.4)} ${n(-side - 2.2)} ${n(corner + 3)}M${n(side + 2)} ${n(corner - 2.6)}Q${n(side + 4.2)} ${n(corner + 0.4)} ${n(side + 2.2)} ${n(corner + 3)}`,
    under: n(down + thickDown + 4.6 * size),
    underWidth: n(width * 0.62),
    dimple: Math.min(Math.max((lift - 3.6) / 4, 0), 1) * 0.4,
    jaw,
  };
}
