/** Owns which methods a store has, with arguments to call each with. */
import { sessionOf } from "../support/session-values.js";

export type Call = readonly [method: string, args: readonly unknown[]];

/** The methods that every express-session store has. */
export const STANDARD_CALLS: readonly Call[] = [
  ["get", ["unknown"]],
  ["set", ["a", sessionOf({ n: 1 })]],
  ["touch", ["a", sessionOf({ n: 2 })]],
  ["destroy", ["unknown"]],
  ["length", []],
  ["all", []],
  ["clear", []],
];

/** The methods that a store with a life has besides. */
export const LIFE_CALLS: readonly Call[] = [
  ["ids", []],
  ["compact", []],
  ["stats", []],
];
