/** `isolate: false`: the engine on the calling thread, behind the same interface. */
import type { EngineConfig } from "../../protocol/config.js";
import type { EngineListener } from "../../protocol/contract.js";
import { monotonic } from "../../protocol/timers.js";
import { type Dispatch, dispatchTo, engineFrom } from "../../protocol/dispatch.js";
import { type EngineHost, isTransient, RETRY_AFTER_MS } from "./engine-host.js";
import { inRootContext } from "./root-context.js";

/** Starts opening the engine. Calls made meanwhile wait. */
export function hostInline(config: EngineConfig, listener: EngineListener): EngineHost {
  let watchExpired = false;
  /** From when on a call tries again to open the engine. */
  let retryAt = Infinity;
  const open = async (): Promise<Dispatch> => {
    retryAt = Infinity;
    try {
      const { openEngine } = await import("../../worker/open.js");
      return dispatchTo((await openEngine({ ...config, watchExpired }, listener)).engine);
    } catch (error) {
      if (isTransient(error)) retryAt = monotonic() + RETRY_AFTER_MS;
      throw error;
    }
  };

  let opening = inRootContext(open);
  return {
    ready: opening.then(() => undefined),
    engine: engineFrom(async (method, args) => {
      if (method === "watchExpired") watchExpired = true;
      if (method !== "close" && monotonic() >= retryAt) opening = inRootContext(open);
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
