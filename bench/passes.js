/** When this package's store collects expired sessions: it does so by itself, at an interval. */

const OWN_LINE = "express-session-isolate [";

/**
 * Follows the passes of a store that was opened with `debug`: it says so when a pass has deleted
 * something. To ask `stats()` meanwhile would disturb what is measured, since it counts sessions.
 */
export class Passes {
  #store;
  #intervalMs;
  #heard = () => {};

  /** To be made before the store is, which speaks from the beginning. */
  constructor(intervalMs) {
    this.#intervalMs = intervalMs;
    const write = process.stderr.write.bind(process.stderr);
    process.stderr.write = (chunk, ...rest) => {
      if (!String(chunk).startsWith(OWN_LINE)) return write(chunk, ...rest);
      this.#heard();
      return true;
    };
  }

  follow(store) {
    this.#store = store;
  }

  async #last() {
    return (await this.#store.stats()).gc;
  }

  /** When the next pass is due, as Date.now() counts; undefined while the first is under way. */
  async nextAt() {
    const last = await this.#last();
    return last ? last.at + last.durationMs + this.#intervalMs : undefined;
  }

  /** The first pass to end from now on that deletes something: `{ at, durationMs, removed }`. */
  async next() {
    const askedAt = Date.now();
    for (;;) {
      await new Promise((resolve) => (this.#heard = resolve));
      const last = await this.#last();
      if (last?.removed > 0 && last.at + last.durationMs >= askedAt) return last;
    }
  }
}
