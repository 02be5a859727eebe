/** Where the worker is: a file beside this one in dist, found in the same way by both formats. */
import { fileURLToPath } from "node:url";

/** Appended to an error when the worker's file cannot be found. */
export const BUNDLED =
  "was express-session-isolate bundled? Its worker is a separate file: " +
  "mark the package as external, or set isolate: false";

/** @throws Error if a bundler has left no way to find the file */
export function workerFile(): string {
  // Undefined in what bundlers write as CommonJS.
  const here = import.meta.url as string | undefined;
  if (here === undefined) throw new Error(`the worker thread cannot be found: ${BUNDLED}`);
  // Passed as text: under jsdom the global class URL is not the one of node:url.
  return fileURLToPath(new URL("./worker.js", here).href);
}
