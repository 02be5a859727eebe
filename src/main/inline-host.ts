/** `isolate: false`: the engine on the calling thread, behind the same interface. */
import type { Engine, EngineConfig } from "../protocol/contract.js";
import { type EngineHost, engineOf } from "./engine-host.js";
import type { Report } from "./reporter.js";

/** Starts opening the engine. Calls made meanwhile wait. */
export function hostInline(config: EngineConfig, report: Report): EngineHost {
  const opening = import("../worker/engine.js").then(({ openEngine }) =>
    openEngine(config, report),
  );
  return {
    ready: opening.then(() => undefined),
    engine: engineOf(async (method, args) => {
      let engine: Engine;
      try {
        engine = await opening;
      } catch (error) {
        if (method === "close") return;
        throw error;
      }
      return (engine[method] as (...args: unknown[]) => unknown)(...args);
    }),
  };
}
