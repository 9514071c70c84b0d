/**
 * The avatar's characters: colours, proportions and drawings, in a square of 240 around (0, 0).
 *
 * A drawing is data: `[tag, attributes, ...children]`. `$skin` stands for the custom property `--tts-skin` with the
 * character's own colour behind it, `#shade` for a gradient of this one avatar. Light and shade are translucent and lie
 * over the plain colours, so that any colour a page chooses is shaded alike.
 */

/** @typedef {[string, Record<string, string | number>, ...Drawing[]]} Drawing */
/** @import { Lips } from "./mouth.js" */
/**
 * @typedef {object} Character
 * @property {string} label what it is, for people who do not see it
 * @property {Record<string, string>} colors
 * @property {(jaw: number) => string} outline of the head; jaw in units downwards
 * @property {Lips & { y: number, kind: "lips" | "line" }} mouth
 * @property {{ x: number, y: number, kind: "lids" | "bead" | "lamp", lash: number, wing: boolean, size: number }} eyes
 * @property {{ y: number, d: string, width: number }} brows of the left side
 * @property {Drawing[]} behind what moves with the head, behind the shoulders
 * @property {Drawing[]} body
 * @property {Drawing[]} head behind the features: ears, beard
 * @property {Drawing[]} features nose, cheeks: they turn with the look
 * @property {Drawing[]} front hair over the forehead, glasses
 */

const path = (/** @type {string} */ d, /** @type {string} */ fill, more = {}) =>
  /** @type {Drawing} */ (["path", { d, fill, ...more }]);
const line = (/** @type {string} */ d, /** @type {string} */ stroke, /** @type {number} */ width, opacity = 1) =>
  /** @type {Drawing} */ (["path", { d, fill: "none", stroke, "stroke-width": width, "stroke-linecap": "round", "stroke-linejoin": "round", opacity }]);
const dot = (/** @type {number} */ cx, /** @type {number} */ cy, /** @type {number} */ rx, /** @type {number} */ ry, /** @type {string} */ fill, more = {}) =>
  /** @type {Drawing} */ (["ellipse", { cx, cy, rx, ry, fill, ...more }]);

const DARK = "#2a0f14";

/** A head seen from the front. @param {{ top: number, width: number, jaw: number, chin: number, tip: number }} size */
const skull = ({ top, width, jaw, chin, tip }) => (/** @type {number} */ drop) => {
  const low = chin + drop;
  const mid = 40 + drop * 0.45;
  const half = (/** @type {1 | -1} */ side) => [
    `${side * width} ${top + 36}`,
    `${side * width} -14`,
    `${side * (width + 0.5)} 10 ${side * (jaw + 5)} ${mid - 16} ${side * jaw} ${mid}`,
    `${side * (jaw - 6)} ${mid + 16} ${side * tip} ${low} 0 ${low}`,
  ];
  const [shoulder, temple, cheek, chinHalf] = half(1);
  // The left half runs the other way round.
  return (
    `M0 ${top}C${width * 0.62} ${top} ${shoulder} ${temple}C${cheek}C${chinHalf}` +
    `C${-tip} ${low} ${-(jaw - 6)} ${mid + 16} ${-jaw} ${mid}C${-(jaw + 5)} ${mid - 16} ${-(width + 0.5)} 10 ${-width} -14` +
    `C${-width} ${top + 36} ${-width * 0.62} ${top} 0 ${top}Z`
  );
};

const neck = (/** @type {number} */ width) => [
  path(`M${-width} 34V72C${-width - 4} 84 ${-width - 16} 88 ${-width - 24} 92L0 124L${width + 24} 92C${width + 16} 88 ${width + 4} 84 ${width} 72V34Z`, "$skin"),
  path(`M${-width} 50V70C${-width * 0.5} 90 ${width * 0.5} 90 ${width} 70V50Z`, DARK, { opacity: 0.2 }),
  path(`M${-width} 50V60C${-width * 0.5} 78 ${width * 0.5} 78 ${width} 60V50Z`, DARK, { opacity: 0.12 }),
];
const ears = (/** @type {number} */ x, y = 2) =>
  [-1, 1].flatMap((side) => [
    path(`M${side * (x - 6)} ${y - 13}C${side * (x + 10)} ${y - 20} ${side * (x + 11)} ${y + 4} ${side * (x + 3)} ${y + 14}C${side * (x - 1)} ${y + 18} ${side * (x - 8)} ${y + 14} ${side * (x - 8)} ${y + 8}Z`, "$skin"),
    path(`M${side * (x - 1)} ${y - 9}C${side * (x + 6)} ${y - 11} ${side * (x + 6)} ${y + 3} ${side * x} ${y + 9}`, "none", { stroke: DARK, "stroke-width": 2, opacity: 0.22, "stroke-linecap": "round" }),
  ]);
const cheeks = (/** @type {number} */ x, /** @type {number} */ y, opacity = 1) => [
  dot(-x, y, 17, 13, "#blush", { opacity }),
  dot(x, y, 17, 13, "#blush", { opacity }),
];
const nose = (/** @type {number} */ width, /** @type {number} */ y) => [
  line(`M${-width} ${y - 4}Q${-width - 2.5} ${y + 1.5} ${-width + 2.5} ${y + 2.2}Q0 ${y + 6.5} ${width - 2.5} ${y + 2.2}Q${width + 2.5} ${y + 1.5} ${width} ${y - 4}`, DARK, 2.1, 0.34),
  dot(0.8, y - 5, 3, 4.6, "#fff", { opacity: 0.22 }),
];

/** @type {Character} */
const ada = {
  label: "Ada, a woman with chestnut hair",
  colors: { skin: "#f3c5a2", hair: "#7c3f2b", lips: "#c94f5b", eyes: "#4f8463", shirt: "#1f7a77", background: "#d7ece6", brows: "#69341f" },
  outline: skull({ top: -82, width: 55, jaw: 43, chin: 71, tip: 20 }),
  mouth: { y: 37, kind: "lips", upper: 5, lower: 7.2, bow: 2.4, scale: 1.12 },
  eyes: { x: 24, y: -7, kind: "lids", lash: 3.1, wing: true, size: 1.14 },
  brows: { y: -30, d: "M-16 5C-12 -2 -6 -6.4 0 -6.3C5 -6.2 9.5 -4.8 13.4 -1.4C14 -0.2 13 1 11.6 0.4C8 -1.5 4 -2.3 0 -2.4C-6 -2.6 -11 0 -16 5Z", width: 0.8 },
  behind: [
    path("M2 -104C58 -106 80 -66 76 -18C74 14 92 34 86 66C82 92 56 104 30 100H-30C-58 104 -84 92 -88 66C-92 36 -74 16 -76 -18C-80 -68 -50 -104 2 -104Z", "$hair"),
    path("M2 -104C58 -106 80 -66 76 -18C74 14 92 34 86 66C82 92 56 104 30 100H-30C-58 104 -84 92 -88 66C-92 36 -74 16 -76 -18C-80 -68 -50 -104 2 -104Z", DARK, { opacity: 0.28 }),
  ],
  body: [
    ...neck(22),
    path("M-112 132C-110 100 -78 92 -44 84C-32 104 -14 114 0 116C14 114 32 104 44 84C78 92 110 100 112 132Z", "$shirt"),
    path("M-112 132C-110 100 -78 92 -44 84C-32 104 -14 114 0 116C14 114 32 104 44 84C78 92 110 100 112 132Z", "#cloth"),
    line("M-44 84C-32 104 -14 114 0 116C14 114 32 104 44 84", "#fff", 3, 0.22),
  ],
  head: [],
  features: [...cheeks(35, 21), ...nose(7.5, 13)],
  front: [
    path("M20 -80C6 -60 -24 -50 -50 -38C-62 -20 -60 6 -66 34C-70 56 -84 64 -84 70C-96 40 -74 18 -76 -18C-80 -68 -50 -106 4 -105C14 -104 22 -92 20 -80Z", "$hair"),
    path("M16 -82C26 -64 44 -54 54 -34C62 -12 58 10 66 36C70 54 82 60 84 68C94 40 74 16 76 -18C80 -66 58 -104 4 -105C8 -98 10 -90 16 -82Z", "$hair"),
    path("M20 -80C6 -60 -24 -50 -50 -38C-62 -20 -60 6 -66 34C-70 56 -84 64 -84 70C-96 40 -74 18 -76 -18C-80 -68 -50 -106 4 -105C14 -104 22 -92 20 -80Z", "#sheen"),
    path("M16 -82C26 -64 44 -54 54 -34C62 -12 58 10 66 36C70 54 82 60 84 68C94 40 74 16 76 -18C80 -66 58 -104 4 -105C8 -98 10 -90 16 -82Z", "#sheen"),
    line("M8 -97C-14 -72 -46 -62 -62 -36M2 -101C-30 -88 -60 -66 -69 -28M20 -92C40 -76 60 -56 66 -24M-70 -4C-70 18 -78 34 -80 52M70 -2C70 16 78 32 80 50", "#ffe3d0", 2, 0.16),
  ],
};

/** @type {Character} */
const ben = {
  label: "Ben, a man with short dark hair",
  colors: { skin: "#e6b189", hair: "#3b2a24", lips: "#b4645c", eyes: "#3f6fa3", shirt: "#31467c", background: "#dbe4f7", brows: "#33241f" },
  outline: skull({ top: -82, width: 56, jaw: 48, chin: 74, tip: 29 }),
  mouth: { y: 38.5, kind: "lips", upper: 3.5, lower: 5.2, bow: 1.4, scale: 1.16 },
  eyes: { x: 24.5, y: -7, kind: "lids", lash: 2.2, wing: false, size: 1.06 },
  brows: { y: -27, d: "M-17 4.6C-13 -2.6 -6 -6.8 1 -6.7C6 -6.6 10.5 -5.2 14.4 -2.4C15.6 -0.6 14.8 2 12.8 1.6C9 -0.2 5 -1 1 -1C-6 -1.2 -11 0.8 -17 4.6Z", width: 0.8 },
  behind: [],
  body: [
    ...neck(28),
    path("M-118 134C-116 100 -84 92 -44 80L0 110L44 80C84 92 116 100 118 134Z", "$shirt"),
    path("M-118 134C-116 100 -84 92 -44 80L0 110L44 80C84 92 116 100 118 134Z", "#cloth"),
    path("M-34 74L0 108L34 74L24 100L0 124L-24 100Z", "$shirt"),
    path("M-31 71L-1 107L-23 116L-48 84C-42 80 -36 76 -31 71ZM31 71L1 107L23 116L48 84C42 80 36 76 31 71Z", "$shirt"),
    path("M-31 71L-1 107L-23 116L-48 84C-42 80 -36 76 -31 71ZM31 71L1 107L23 116L48 84C42 80 36 76 31 71Z", "#fff", { opacity: 0.2 }),
    line("M0 108V124", DARK, 1.6, 0.3),
  ],
  head: [...ears(55)],
  features: [...cheeks(35, 20, 0.5), ...nose(9.5, 13)],
  front: [
    path("M-57 -2C-66 -30 -66 -58 -50 -78C-46 -98 -8 -112 22 -104C50 -104 68 -74 60 -40C60 -24 58 -10 57 -2C54 -12 53 -24 51 -34C48 -44 42 -50 40 -58C16 -48 -16 -52 -34 -62C-42 -52 -50 -44 -52 -32C-53 -22 -55 -12 -57 -2Z", "$hair"),
    path("M-57 -2C-66 -30 -66 -58 -50 -78C-46 -98 -8 -112 22 -104C50 -104 68 -74 60 -40C60 -24 58 -10 57 -2C54 -12 53 -24 51 -34C48 -44 42 -50 40 -58C16 -48 -16 -52 -34 -62C-42 -52 -50 -44 -52 -32C-53 -22 -55 -12 -57 -2Z", "#sheen"),
    line("M-40 -74C-20 -64 14 -62 38 -70M-30 -88C-6 -78 22 -80 42 -86M-8 -100C10 -96 26 -96 40 -94", "#ffe3d0", 2, 0.15),
  ],
};

/** @type {Character} */
const zuri = {
  label: "Zuri, a woman with curly hair and golden earrings",
  colors: { skin: "#96613f", hair: "#2b1d1c", lips: "#a8434f", eyes: "#4a2d1c", shirt: "#e0762f", background: "#fde9c8", brows: "#221514" },
  outline: skull({ top: -80, width: 54, jaw: 42, chin: 71, tip: 20 }),
  mouth: { y: 37, kind: "lips", upper: 6.4, lower: 8.2, bow: 2, scale: 1.1 },
  eyes: { x: 24, y: -7, kind: "lids", lash: 3, wing: true, size: 1.14 },
  brows: { y: -30, d: "M-16 5.4C-12 -2.4 -6 -6.8 0 -6.7C5 -6.6 9.5 -5 13.6 -1.4C14.4 0 13.2 1.6 11.6 1C8 -1 4 -1.7 0 -1.8C-6 -2 -11 0.4 -16 5.4Z", width: 0.8 },
  behind: [
    path("M0 -114C22 -118 36 -108 44 -102C62 -98 76 -84 80 -66C94 -54 96 -34 90 -20C96 -2 88 18 74 24C64 36 50 34 40 30H-40C-50 34 -64 36 -74 24C-88 18 -96 -2 -90 -20C-96 -34 -94 -54 -80 -66C-76 -84 -62 -98 -44 -102C-36 -108 -22 -118 0 -114Z", "$hair"),
    path("M0 -114C22 -118 36 -108 44 -102C62 -98 76 -84 80 -66C94 -54 96 -34 90 -20C96 -2 88 18 74 24C64 36 50 34 40 30H-40C-50 34 -64 36 -74 24C-88 18 -96 -2 -90 -20C-96 -34 -94 -54 -80 -66C-76 -84 -62 -98 -44 -102C-36 -108 -22 -118 0 -114Z", "#sheen"),
    line("M-76 -40q-8 8 0 16M-70 -10q-8 8 2 14M76 -44q9 8 0 16M72 -8q8 8 -2 14M-60 -78q-10 4 -8 14M58 -80q10 4 9 14M-30 -100q-10 0 -13 9M24 -103q10 -1 14 8M-4 -106q8 -3 12 4", "#ffe3d0", 2.2, 0.2),
  ],
  body: [
    ...neck(22),
    path("M-112 132C-110 102 -84 94 -52 87C-40 96 -18 102 0 102C18 102 40 96 52 87C84 94 110 102 112 132Z", "$shirt"),
    path("M-112 132C-110 102 -84 94 -52 87C-40 96 -18 102 0 102C18 102 40 96 52 87C84 94 110 102 112 132Z", "#cloth"),
    line("M-52 87C-40 96 -18 102 0 102C18 102 40 96 52 87", DARK, 2.6, 0.16),
  ],
  head: [
    ...ears(53),
    ...[-57, 57].map((x) => line(`M${x} 18a8 8 0 1 0 0.1 0`, "#f0b93a", 3.4)),
  ],
  features: [...cheeks(35, 21, 0.8), ...nose(9, 13)],
  front: [
    path("M-57 2C-68 -34 -62 -60 -46 -76C-40 -90 -18 -94 -4 -90C10 -98 34 -92 44 -78C62 -62 68 -32 57 2C57 -20 53 -32 46 -38C46 -48 36 -56 28 -56C22 -64 8 -64 2 -60C-6 -66 -20 -64 -26 -58C-38 -58 -46 -48 -46 -38C-53 -32 -57 -20 -57 2Z", "$hair"),
    line("M-44 -58q6 -10 16 -8M-16 -74q8 -8 16 -2M14 -72q10 -5 15 4M36 -60q9 2 10 11M-54 -38q-3 -8 3 -13", "#ffe3d0", 2.2, 0.2),
  ],
};

const BOT = "M-58 -60C-58 -76 -48 -84 -34 -84H34C48 -84 58 -76 58 -60V44C58 60 48 70 34 70H-34C-48 70 -58 60 -58 44Z";
const SCREEN = "M-47 -50C-47 -62 -41 -68 -30 -68H30C41 -68 47 -62 47 -50V40C47 52 41 58 30 58H-30C-41 58 -47 52 -47 40Z";

/** @type {Character} */
const robot = {
  label: "A friendly robot",
  colors: { skin: "#c9d4e2", hair: "#ff7a59", lips: "#5ff0e0", eyes: "#5ff0e0", shirt: "#8fa0b8", background: "#27324a", brows: "#5ff0e0" },
  outline: () => BOT,
  mouth: { y: 28, kind: "line", upper: 2, lower: 2, bow: 0, scale: 1.12 },
  eyes: { x: 22, y: -20, kind: "lamp", lash: 0, wing: false, size: 1 },
  brows: { y: -46, d: "M-10 1.6Q0 -3.4 10 -0.6L10 2.4Q0 -0.2 -10 4.6Z", width: 1 },
  behind: [
    line("M0 -84V-100", "$skin", 5),
    dot(0, -104, 8, 8, "$hair"),
    dot(-2.4, -106.6, 2.6, 2.6, "#fff", { opacity: 0.6 }),
    path("M-58 -24H-66C-72 -24 -75 -20 -75 -14V8C-75 14 -72 18 -66 18H-58ZM58 -24H66C72 -24 75 -20 75 -14V8C75 14 72 18 66 18H58Z", "$hair"),
    path("M-58 -24H-66C-72 -24 -75 -20 -75 -14V8C-75 14 -72 18 -66 18H-58ZM58 -24H66C72 -24 75 -20 75 -14V8C75 14 72 18 66 18H58Z", "#sheen"),
  ],
  body: [
    path("M-16 60H16V92H-16Z", "$shirt"),
    path("M-16 60H16V92H-16Z", DARK, { opacity: 0.4 }),
    line("M-16 74H16M-16 82H16", "#fff", 2, 0.25),
    path("M-92 132C-92 100 -76 88 -50 88H50C76 88 92 100 92 132Z", "$shirt"),
    path("M-92 132C-92 100 -76 88 -50 88H50C76 88 92 100 92 132Z", "#cloth"),
    dot(0, 108, 6, 6, "$lips"),
    dot(0, 108, 6, 6, "#fff", { opacity: 0.25 }),
  ],
  head: [
    path(SCREEN, "#141c2e"),
    path(SCREEN, "#glass"),
    dot(-50, -76, 2.4, 2.4, "#fff", { opacity: 0.5 }),
  ],
  features: [dot(-35, 8, 9, 6, "$hair", { opacity: 0.32 }), dot(35, 8, 9, 6, "$hair", { opacity: 0.32 })],
  front: [path("M-40 -56C-40 -62 -36 -64 -30 -64H-6L-34 -30C-40 -24 -40 -30 -40 -36Z", "#fff", { opacity: 0.07 })],
};

/** A star with round tips. */
const STAR = "M0 -96C9 -96 14 -88 19 -77L31 -50C33 -46 36 -43 41 -42L74 -37C98 -33 103 -16 87 0L64 24C61 28 60 32 61 36L66 68C69 91 54 100 34 89L8 75C3 72 -3 72 -8 75L-34 89C-54 100 -69 91 -66 68L-61 36C-60 32 -61 28 -64 24L-87 0C-103 -16 -98 -33 -74 -37L-41 -42C-36 -43 -33 -46 -31 -50L-19 -77C-14 -88 -9 -96 0 -96Z";

/** @type {Character} */
const star = {
  label: "A golden star",
  colors: { skin: "#ffcb45", hair: "#ffcb45", lips: "#c9484d", eyes: "#33221c", shirt: "#ffcb45", background: "#243156", brows: "#8a5a12" },
  outline: () => STAR,
  mouth: { y: 37, kind: "lips", upper: 3.6, lower: 4.6, bow: 0.6, scale: 1.16 },
  eyes: { x: 25, y: -6, kind: "bead", lash: 0, wing: false, size: 1 },
  brows: { y: -28, d: "M-9 2.4Q0 -5 9 -1Q0 -1.4 -9 2.4Z", width: 3 },
  behind: [],
  body: [dot(0, 104, 58, 6, "#000", { opacity: 0.22 })],
  head: [line("M-13 -78Q-5 -92 1 -92", "#fff", 5, 0.6), dot(-18, -68, 2.6, 3.2, "#fff", { opacity: 0.6 })],
  features: [...cheeks(42, 18, 1.3)],
  front: [],
};

export const CHARACTERS = /** @type {Readonly<Record<string, Character>>} */ (Object.freeze({ ada, ben, zuri, robot, star }));
