/**
 * What a face does besides its mouth: blinking, looking, breathing, small motion of the head, accents of speech.
 * Numbers only; the rig draws them.
 */

/** @typedef {{ lid: number, gazeX: number, gazeY: number, yaw: number, pitch: number, roll: number, sway: number, breath: number, brow: number }} Life */
/** @typedef {{ step: (now: number, speaking: boolean, open: number, look: readonly [number, number]) => Life, accent: (strength: number) => void }} LifeClock */

/**
 * A face that holds still.
 * @param {readonly [number, number]} look
 * @returns {Life}
 */
export const stillLife = ([x, y]) => ({ lid: 0, gazeX: x, gazeY: y, yaw: x * 0.9, pitch: y * 0.5, roll: 0, sway: 0, breath: 0, brow: 0 });

const CLOSE_MS = 75;
const OPEN_MS = 150;

/** @param {number} from @param {number} to */
const between = (from, to) => from + (to - from) * Math.random();

/** People blink about every four seconds, seldom under two; shorter pauses are commoner than long ones. */
const untilBlink = () => 1800 + 5200 * Math.random() ** 1.6;

/**
 * The life of one face. Clocks start at different places, so that two faces never move alike.
 * @returns {LifeClock}
 */
export function startLife() {
  const seed = Math.random() * 1000;
  const life = stillLife([0, 0]);
  let last = -1;
  let blinkAt = -1;
  let again = false;
  let lookAt = 0;
  let [aimX, aimY] = [0, 0];
  let [nod, nodSpeed] = [0, 0];
  let [brow, browAim] = [0, 0];
  let [energy, tilt] = [0, 0];
  let [opened, accentAt] = [0, 0];

  /** @param {number} now */
  function lid(now) {
    if (blinkAt < 0) blinkAt = now + untilBlink() / 2;
    const since = now - blinkAt;
    if (since < 0) return 0;
    if (since < CLOSE_MS) return since / CLOSE_MS;
    if (since < CLOSE_MS + OPEN_MS) return (1 - (since - CLOSE_MS) / OPEN_MS) ** 1.4;
    again = !again && Math.random() < 0.14;
    blinkAt = now + (again ? 90 : untilBlink());
    return 0;
  }

  /** @param {number} now @param {boolean} speaking */
  function saccade(now, speaking) {
    if (now < lookAt) return;
    // Listeners hold the eye; speakers look away now and then to think.
    const away = Math.random() < (speaking ? 0.22 : 0.12);
    [aimX, aimY] = away ? [between(-0.75, 0.75), between(-0.45, 0.3)] : [between(-0.1, 0.1), between(-0.07, 0.07)];
    lookAt = now + (away ? between(450, 1100) : between(700, 3200));
    // A large turn of the eyes often comes with a blink.
    if (away && Math.abs(aimX) > 0.5 && blinkAt - now > 600) blinkAt = now;
  }

  /** @param {number} strength 0 to 1 */
  function accent(strength) {
    accentAt = last + between(700, 1500);
    nodSpeed += 9 * strength;
    if (Math.random() < 0.25 + 0.4 * strength) browAim = Math.min(1, browAim + 0.3 + 0.6 * strength);
  }

  return {
    step(now, speaking, open, [lookX, lookY]) {
      const dt = last < 0 ? 0.016 : Math.min((now - last) / 1000, 0.1);
      last = now;
      const t = now / 1000 + seed;
      const follow = (/** @type {number} */ rate) => 1 - Math.exp(-dt * rate);

      saccade(now, speaking);
      life.lid = lid(now);
      life.gazeX += (Math.max(-1, Math.min(1, aimX + lookX)) - life.gazeX) * follow(38);
      life.gazeY += (Math.max(-1, Math.min(1, aimY + lookY)) - life.gazeY) * follow(38);

      // Where no words are told, wide vowels have the stress.
      if (speaking && open > 0.5 && opened <= 0.5 && now > accentAt) accent(open * 0.8);
      opened = open;
      energy += ((speaking ? 0.35 + 0.65 * open : 0) - energy) * follow(speaking ? 6 : 2);
      // A damped spring carries a nod through and back.
      const parts = Math.max(1, Math.ceil(dt / 0.02));
      for (let part = 0; part < parts; part++) {
        nodSpeed += (-120 * nod - 13 * nodSpeed) * (dt / parts);
        nod += nodSpeed * (dt / parts);
      }
      browAim *= Math.exp(-dt * 2.6);
      brow += (browAim - brow) * follow(14);

      tilt += (lookY * 0.5 - tilt) * follow(4);

      const lively = 0.55 + energy * 1.1;
      life.yaw += ((Math.sin(t * 0.61) * 0.5 + Math.sin(t * 1.13 + 1) * 0.3) * lively + lookX * 0.9 + life.gazeX * 0.25 - life.yaw) * follow(4);
      life.pitch = (Math.sin(t * 0.47 + 2) * 0.4 + Math.sin(t * 1.37) * 0.2) * lively + tilt + nod;
      life.roll = (Math.sin(t * 0.38 + 4) * 1.3 + Math.sin(t * 0.93) * 0.6) * lively;
      life.sway = Math.sin(t * 0.31 + seed) * 1.2 * lively;
      life.breath = Math.sin(t * 1.55);
      life.brow = brow + energy * 0.12;
      return life;
    },
    accent,
  };
}
