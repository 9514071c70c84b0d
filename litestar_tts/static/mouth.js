// The mouth of the demo page's face: one shape for each viseme of the default set (0-16), drawn as SVG paths.

const part = (id) => document.getElementById(id);

// Shape of each viseme class: half width, opening up and down, roundness of the corners, upper teeth, lower teeth,
// tongue (1: at the teeth), lips, corners (positive: up).
export const SHAPES = [
  [36, 0.6, 0.6, 0, 0, 0, 0.1, 5, 7], [35, 15, 31, 0.4, 0.55, 0.1, 0.3, 7, 2], [42, 11, 18, 0.2, 0.75, 0.25, 0.4, 7, 3],
  [46, 8, 11, 0.1, 0.8, 0.5, 0.4, 6, 4], [24, 15, 23, 0.9, 0.2, 0, 0.2, 9, 0], [16, 9, 12, 1, 0, 0, -0.9, 11, 0],
  [33, 0.5, 0.5, 0, 0, 0, 0.1, 4, 1], [34, 7, 3, 0.1, 1, 0, 0.2, 5, 1], [18, 7, 9, 1, 0.1, 0, -0.9, 11, 0],
  [36, 11, 16, 0.3, 0.5, 0.1, 1, 7, 2], [38, 8, 10, 0.2, 0.85, 0.3, 0.9, 6, 2], [41, 7, 8, 0.1, 1, 1, 0.3, 6, 3],
  [27, 9, 11, 0.6, 0.9, 0.7, 0.4, 9, 0], [24, 9, 11, 0.8, 0.9, 0.8, 0.3, 10, 0], [37, 10, 16, 0.3, 0.45, 0.1, 0.2, 7, 2],
  [43, 8, 11, 0.2, 0.7, 0.4, 0.6, 6, 3], [35, 10, 15, 0.4, 0.4, 0, 0.2, 7, 2],
];
/** How far each viseme opens the mouth, 0 to 1. */
export const OPENNESS = SHAPES.map(([, up, down]) => Math.min(1, (up + down) / 40));
let mouth = [...SHAPES[0]];

function lips(width, up, down, round, lift) {
  const bend = width * (0.5 + 0.5 * round), sag = lift * 0.8, top = -up * 1.33 + sag, bottom = down * 1.33 + sag;
  return `M${-width} ${-lift} C${-bend} ${top} ${bend} ${top} ${width} ${-lift} C${bend} ${bottom} ${-bend} ${bottom} ${-width} ${-lift}Z`;
}

/** Move the mouth towards a shape, for as many seconds as have passed since the last call. */
export function drawMouth(target, seconds) {
  const step = 1 - Math.exp(-seconds / 0.038);
  mouth = mouth.map((value, index) => value + (target[index] - value) * step);
  const [width, up, down, round, upper, lower, tongue, lip, lift] = mouth;
  part("hole").setAttribute("d", lips(width, up, down, round, lift));
  part("outer").setAttribute("d", lips(width + lip * 0.8, up + lip * 0.7, down + lip, round, lift));
  part("upper").setAttribute("y", String(-up - 21 + 10 * upper));
  part("lower").setAttribute("y", String(down + 5 - 10 * lower));
  part("tongue").setAttribute("transform", `translate(0 ${down - 10 - tongue * Math.min(16, up + down * 0.5)})`);
}
