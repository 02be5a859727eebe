/** What the option `debug` shows on stderr, from either half. */
import type { EngineConfig } from "./config.js";

/** Writes a line about a collection, or nothing where `debug` is off. */
export type DebugLog = (text: string) => void;

export function debugLog({ debug, disk }: EngineConfig): DebugLog {
  if (!debug) return () => undefined;
  return (text) => {
    console.error(`express-session-isolate [${disk.collection}] ${text}`);
  };
}
