/** What the option `debug` shows on stderr, from either half. */
import type { EngineConfig } from "./contract.js";

/** Writes a line about a collection, or nothing where `debug` is off. */
export type DebugLog = (text: string) => void;

export function debugLog({ debug, collection }: EngineConfig): DebugLog {
  if (!debug) return () => undefined;
  return (text) => {
    console.error(`express-session-isolate [${collection}] ${text}`);
  };
}
