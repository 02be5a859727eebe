/** The log that the option `debug` turns on, for both threads. */
import type { EngineConfig } from "./config.js";

/** Writes a line to stderr, prefixed with the name of the collection, if `debug` is on. */
export type DebugLog = (text: string) => void;

export function debugLog({ debug, disk }: EngineConfig): DebugLog {
  if (!debug) return () => undefined;
  return (text) => {
    console.error(`express-session-isolate [${disk.collection}] ${text}`);
  };
}
