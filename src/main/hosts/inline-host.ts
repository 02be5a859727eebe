/** `isolate: false`: the engine on the calling thread, behind the same interface. */
import type { EngineConfig } from "../../protocol/config.js";
import type { Report } from "../../protocol/errors.js";
import {
  type Dispatch,
  dispatchTo,
  engineFrom,
  type EngineHost,
  isTransient,
  RETRY_AFTER_MS,
} from "./engine-host.js";

/** Starts opening the engine. Calls made meanwhile wait. */
export function hostInline(config: EngineConfig, report: Report<Error>): EngineHost {
  /** From when on a call tries again to open the engine. */
  let retryAt = Infinity;
  const open = async (): Promise<Dispatch> => {
    retryAt = Infinity;
    const { openEngine } = await import("../../worker/disk/engine.js");
    try {
      return dispatchTo(await openEngine(config, report));
    } catch (error) {
      if (isTransient(error)) retryAt = performance.now() + RETRY_AFTER_MS;
      throw error;
    }
  };

  let opening = open();
  return {
    ready: opening.then(() => undefined),
    engine: engineFrom(async (method, args) => {
      if (method !== "close" && performance.now() >= retryAt) opening = open();
      let dispatch: Dispatch;
      try {
        dispatch = await opening;
      } catch (error) {
        // An engine that never opened has nothing to close.
        if (method === "close") return;
        throw error;
      }
      return dispatch(method, args);
    }),
  };
}
