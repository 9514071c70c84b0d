// Sound is proved where it reaches the speakers, joins where they are scheduled, marks when their word is heard.
const Plain = AudioContext;
window.sound = { peak: 0, now: 0, starts: [] };
window.AudioContext = class extends Plain {
  #ear = null;
  constructor(options) {
    super(options);
    this.#ear = this.createAnalyser();
    this.#ear.connect(super.destination);
    const samples = new Float32Array(this.#ear.fftSize);
    setInterval(() => {
      this.#ear.getFloatTimeDomainData(samples);
      window.sound.now = samples.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
      window.sound.peak = Math.max(window.sound.peak, window.sound.now);
    }, 20);
  }
  get destination() { return this.#ear ?? super.destination; }
};
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (at, ...rest) {
  window.sound.starts.push([at, this.buffer.duration]);
  return start.call(this, at, ...rest);
};
window.told = [];
for (const name of ["start", "word", "viseme", "progress", "end", "error"]) {
  document.addEventListener(`tts-${name}`, ({ detail, target }) => {
    const facts = { name, player: target.id };
    if (name === "word") {
      const marks = globalThis.Highlight ? [...(CSS.highlights.get("tts-word") ?? [])] : [];
      Object.assign(facts, detail, { mark: marks.join("|"), content: target.content.slice(detail.start, detail.end) });
    }
    if (name === "end") Object.assign(facts, detail);
    if (name === "error") Object.assign(facts, { code: detail.code, status: detail.status });
    window.told.push(facts);
  });
}
