/** The log that the option `debug` turns on, for both threads. */
import type { EngineConfig } from "./config.js";

/** Writes a line to stderr, prefixed with the name of the collection, or of its keys, if `debug` is on. */
export type DebugLog = (text: string) => void;

export function debugLog({ debug, disk, redis }: EngineConfig): DebugLog {
  if (!debug) return () => undefined;
  const name = disk?.collection ?? redis?.prefix;
  return (text) => {
    console.error(`express-session-isolate [${name}] ${text}`);
  };
}
