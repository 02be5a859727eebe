/** The worker thread: opens the engine, serves it on the given port, reports when it is ready. */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";

import type { EngineConfig } from "../protocol/config.js";
import type { WorkerMessage } from "../protocol/contract.js";
import { serve } from "../protocol/rpc.js";
import { encodeError } from "../protocol/wire-error.js";
import { openEngine } from "./disk/engine.js";

const { config, port } = workerData as { config: EngineConfig; port: MessagePort };

function send(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

try {
  const engine = await openEngine(config, (error) => {
    send({ type: "report", error: encodeError(error) });
  });
  serve(engine, port);
  send({ type: "ready" });
} catch (error) {
  send({ type: "fatal", error: encodeError(error) });
  port.close();
}
