// Hands over what passes, each block with the number of its first frame.
class Tap extends AudioWorkletProcessor {
  #blocks = [];

  process([[channel]]) {
    this.#blocks.push({ frame: currentFrame, samples: channel ? channel.slice() : new Float32Array(128) });
    if (this.#blocks.length === 16) this.port.postMessage(this.#blocks.splice(0));
    return true;
  }
}

registerProcessor("tap", Tap);
