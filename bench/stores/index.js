/** The contenders. What is particular to one of them is in its own file. */
import session from "express-session";
import { file } from "./file.js";
import { floors } from "./floor.js";
import { isolates } from "./isolate.js";
import { liteNoSQL } from "./lite-nosql.js";
import { redis } from "./redis.js";
import { sqlite } from "./sqlite.js";

/** What an acknowledged write survives, the most first. Only equals are compared. */
export const GUARANTEES = {
  disk: "a power cut",
  process: "the end of the process",
  memory: "nothing",
  none: "it is no store",
};

/**
 * `ours` is this package's store; `missing` says why one cannot run here.
 * @typedef {{ store: import("express-session").Store, close: () => unknown }} Opened
 * @typedef {{ label: string, guarantee: keyof typeof GUARANTEES, ours?: boolean,
 *   missing?: () => string | undefined,
 *   open: (directory: string, options?: object) => Promise<Opened> }} Contender
 */

/** @type {Record<string, Contender>} */
export const CONTENDERS = {
  ...isolates,
  ...sqlite,
  ...redis,
  "lite-nosql": liteNoSQL,
  file,
  memory: {
    label: "MemoryStore",
    guarantee: "memory",
    open: async () => ({ store: new session.MemoryStore(), close() {} }),
  },
  ...floors,
};

export function contenderOf(/** @type {string} */ name) {
  const contender = CONTENDERS[name];
  if (!contender) throw new RangeError(`there is no contender ${name}`);
  return contender;
}
