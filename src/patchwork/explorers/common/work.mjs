// Work in slices: the page goes on responding in between.

const SLICE = 4; // ms

// Drives one generator at a time. What is started anew stops what is under way.
export class Work {
  #steps = null;
  #timer = 0;

  get busy() {
    return this.#steps !== null;
  }

  // `told` gets each value that is yielded, and the rest waits for the next slice; `done` gets what is returned. The
  // first slice begins after `pause` ms, at once without one, and takes `most` ms.
  start(steps, { told = () => {}, done = () => {}, pause = null, most = SLICE }) {
    this.stop();
    this.#steps = steps;
    const slice = (time) => {
      const until = performance.now() + time;
      let step = steps.next();
      while (!step.done && step.value === undefined && performance.now() < until) step = steps.next();
      if (step.done) this.#steps = null;
      else this.#timer = setTimeout(slice, 0, SLICE);
      if (step.done) done(step.value);
      else if (step.value !== undefined) told(step.value);
    };
    if (pause === null) slice(most);
    else this.#timer = setTimeout(slice, pause, most);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#steps = null;
  }
}
