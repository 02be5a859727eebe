/** Where the worker is: a file beside this one in dist, found in the same way by both formats. */
import { fileURLToPath } from "node:url";

/** What to say where it is not. */
export const BUNDLED =
  "was express-session-isolate bundled? Its worker is a file of its own: " +
  "mark the package as external, or set isolate: false";

/** @throws Error where a bundler has left no way to find it */
export function workerFile(): string {
  // Bundlers that write CommonJS leave it undefined.
  const here = import.meta.url as string | undefined;
  if (here === undefined) throw new Error(`the worker thread cannot be found: ${BUNDLED}`);
  // As text, since the class URL is another one under jsdom.
  return fileURLToPath(new URL("./worker.js", here).href);
}
