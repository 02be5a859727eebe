/**
 * The worker thread: opens the engine, serves it on the given port, reports when it is ready.
 * `main/hosts/worker-host.ts` starts it, and starts another when it dies.
 */
import { readFileSync } from "node:fs";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";

import type { EngineConfig } from "../protocol/config.js";
import type { EngineListener, WorkerMessage } from "../protocol/contract.js";
import { dispatchTo } from "../protocol/dispatch.js";
import { serve } from "../protocol/rpc.js";
import { encodeError } from "../protocol/wire-error.js";
import { openEngine } from "./open.js";
import { threadFiles, type ThreadFiles } from "./ports/thread-files.js";

const { config, port } = workerData as { config: EngineConfig; port: MessagePort };

function send(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

const listener: EngineListener = {
  onError: (error) => {
    send({ type: "report", error: encodeError(error) });
  },
  onExpired: (sessions) => {
    send({ type: "expired", sessions });
  },
};

let files: ThreadFiles | undefined;

/** The disk thread is started where files are to be written. */
function diskThread(): ThreadFiles {
  return (files ??= threadFiles(
    readFileSync(new URL("./disk-thread.cjs", import.meta.url), "utf8"),
  ));
}

try {
  const { engine, isSuccessor } = await openEngine(config, listener, diskThread);
  const dispatch = dispatchTo(engine);
  serve(
    (method, args) =>
      dispatch(method, args).finally(() => (method === "close" ? files?.end() : undefined)),
    port,
  );
  send({ type: "ready", isSuccessor });
} catch (error) {
  send({ type: "fatal", error: encodeError(error) });
}
