/** The engine suite over the hosts of an engine, on the calling thread and in a worker of the build. */
import type { Worker } from "node:worker_threads";
import { vi } from "vitest";
import type { EngineHost } from "../../src/main/hosts/engine-host.js";
import { hostInline } from "../../src/main/hosts/inline-host.js";
import { WorkerHost } from "../../src/main/hosts/worker-host.js";
import type { EngineConfig } from "../../src/protocol/config.js";
import type { EngineListener } from "../../src/protocol/contract.js";
import { configOf } from "../support/bare-engine.js";
import type { EngineKind } from "./engine/behavior.js";
import { engineSuite } from "./engine-suite.js";

/** Every worker that was spawned. */
const workers = vi.hoisted((): Worker[] => []);

vi.mock("node:worker_threads", async (importOriginal) => {
  const original = await importOriginal<typeof import("node:worker_threads")>();
  class WatchedWorker extends original.Worker {
    constructor(...args: ConstructorParameters<typeof original.Worker>) {
      super(...args);
      workers.push(this);
    }
  }
  return { ...original, Worker: WatchedWorker };
});

/** Engines over the files of one directory, each in a host. */
function hosted(host: (config: EngineConfig) => EngineHost): EngineKind<EngineConfig> {
  return {
    reopens: true,
    place: () => configOf({ userOf: "user" }),
    async open(config) {
      const { ready, engine } = host(config);
      await ready;
      return engine;
    },
    start: (config) => host(config).engine,
  };
}

const listener: EngineListener = {
  // The suite kills workers on purpose, and each death is reported.
  onError: () => undefined,
  onExpired: () => undefined,
};

engineSuite(
  "an engine on the calling thread",
  hosted((config) => hostInline(config, listener)),
);
engineSuite("an engine in a worker", {
  ...hosted(
    (config) =>
      new WorkerHost({
        file: new URL("../../dist/worker.js", import.meta.url),
        config,
        listener,
      }),
  ),
  async kill() {
    await workers.at(-1)?.terminate();
  },
});
