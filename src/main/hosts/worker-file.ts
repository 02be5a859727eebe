/** Where the worker is, and what to say where it cannot be found. */
import { isAbsolute } from "node:path";

import { locateWorker } from "./worker-location.js";

const BUNDLED =
  "was express-session-isolate bundled? Its worker is a separate file: " +
  "mark the package as external, or set isolate: false";

const PLUG_N_PLAY =
  "Yarn Plug'n'Play must be active in worker threads, too: " +
  "start the process with `yarn node`, or with the flag --require ./.pnp.cjs";

/**
 * The path of the worker's file.
 * @throws Error if a bundler has left no way to find it
 */
export function workerFile(): string {
  let found: unknown;
  try {
    found = locateWorker();
  } catch (cause) {
    throw new Error(`the worker thread cannot be found: ${notFoundHint()}`, { cause });
  }
  // webpack makes an id of its own of what would be a path.
  if (typeof found === "string" && isAbsolute(found)) return found;
  throw new Error(`the worker thread cannot be found: ${BUNDLED}`);
}

/** Appended to an error when the worker's file cannot be found. */
export function notFoundHint(): string {
  return process.versions["pnp"] === undefined ? BUNDLED : PLUG_N_PLAY;
}
