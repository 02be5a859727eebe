/** The thread: opens the engine, serves it on the port it was given, and says that it is ready. */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";

import type { EngineConfig } from "../protocol/config.js";
import type { WorkerMessage } from "../protocol/contract.js";
import { serve } from "../protocol/rpc.js";
import { encodeError } from "../protocol/wire-error.js";
import { openEngine } from "./disk/engine.js";

const { config, port } = workerData as { config: EngineConfig; port: MessagePort };

function say(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

try {
  const engine = await openEngine(config, (error) => {
    say({ type: "report", error: encodeError(error) });
  });
  serve(engine, port);
  say({ type: "ready" });
} catch (error) {
  say({ type: "fatal", error: encodeError(error) });
  port.close();
}
