/** `isolate: false`: the engine on the calling thread, behind the same interface. */
import type { EngineConfig } from "../../protocol/config.js";
import type { Engine } from "../../protocol/contract.js";
import type { Report } from "../../protocol/errors.js";
import { type EngineHost, engineOf, mayPass, REST_MS } from "./engine-host.js";

/** Starts opening the engine. Calls made meanwhile wait. */
export function hostInline(config: EngineConfig, report: Report<Error>): EngineHost {
  /** When an opening that failed may be tried again. */
  let againAt = Infinity;
  const open = async (): Promise<Engine> => {
    againAt = Infinity;
    const { openEngine } = await import("../../worker/disk/engine.js");
    try {
      return await openEngine(config, report);
    } catch (error) {
      if (mayPass(error)) againAt = performance.now() + REST_MS;
      throw error;
    }
  };

  let opening = open();
  return {
    ready: opening.then(() => undefined),
    engine: engineOf(async (method, args) => {
      if (method !== "close" && performance.now() >= againAt) opening = open();
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
