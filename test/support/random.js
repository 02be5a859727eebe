/**
 * The one source of randomness of tests, scripts and benchmarks: a seeded generator, so that a
 * failure can be repeated with TEST_SEED=<the printed seed>.
 */

/** The seed of this run. */
export const SEED = Number(process.env["TEST_SEED"] ?? Date.now() % 2 ** 32);

/**
 * @typedef {object} Random
 * @property {(below: number) => number} integer A whole number from 0 to `below` - 1.
 * @property {<T>(choices: readonly T[]) => T} pick One of these.
 */

/** mulberry32. @param {number} seed @returns {Random} */
export function seededRandom(seed) {
  let state = seed >>> 0;
  const integer = (/** @type {number} */ below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
  return {
    integer,
    pick(choices) {
      const choice = choices[integer(choices.length)];
      if (choice === undefined) throw new RangeError("nothing to choose from");
      return choice;
    },
  };
}
