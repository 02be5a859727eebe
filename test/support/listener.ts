/** Owns listeners of an engine that a test wants little from. */
import type { EngineListener } from "../../src/protocol/contract.js";
import type { StoreError } from "../../src/protocol/errors.js";

/** One that is told of errors, and lets the rest go. */
export function listenerTo(
  onError: (error: StoreError) => void,
  onExpired: EngineListener["onExpired"] = () => undefined,
): EngineListener {
  return {
    onError: (error) => {
      onError(error as StoreError);
    },
    onExpired,
  };
}
