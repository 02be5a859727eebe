/**
 * Owns randomness in tests: a seeded generator, so that a failure can be had again with
 * TEST_SEED=<the printed seed>.
 */

/** The seed of this run. */
export const SEED = Number(process.env["TEST_SEED"] ?? Date.now() % 2 ** 32);

export interface Random {
  /** A whole number from 0 to `below` - 1. */
  integer(below: number): number;
  /** One of these. */
  pick<T>(choices: readonly T[]): T;
}

/** mulberry32. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const integer = (below: number): number => {
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
