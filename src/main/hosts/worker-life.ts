/**
 * One worker thread, from its spawn to its death: its port, and whether it keeps the process alive.
 * Knows neither the calls that it is sent nor the worker that replaces it.
 */
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";

import type { EngineConfig } from "../../protocol/config.js";
import type { WorkerMessage } from "../../protocol/contract.js";
import { isErrorLike, type Report, StoreError } from "../../protocol/errors.js";
import { connect } from "../../protocol/rpc.js";
import { decodeError } from "../../protocol/wire-error.js";
import { type Dispatch, dispatchTo } from "./engine-host.js";
import { BUNDLED } from "./worker-file.js";

interface WorkerLifeParts {
  readonly file: string | URL;
  readonly config: EngineConfig;
  readonly report: Report<Error>;
  /** Called when the collection is open. */
  readonly onReady: () => void;
  /** Called once, at the end, with the engine's error or `WORKER_EXITED`. */
  readonly onDeath: (error: StoreError) => void;
}

export class WorkerLife {
  /** Calls the engine. What it returns never settles once the worker is dead. */
  readonly dispatch: Dispatch;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  #keepsAlive = true;
  #readyAt: number | null = null;

  /** @throws StoreError `WORKER_EXITED` if no thread can be started */
  constructor(parts: WorkerLifeParts) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    try {
      this.#worker = new Worker(parts.file, {
        name: "express-session-isolate",
        workerData: { config: parts.config, port: port2 },
        transferList: [port2],
        // A worker inherits the flags of the process, and some, such as --input-type, break it.
        execArgv: [],
      });
    } catch (cause) {
      port1.close();
      throw workerError("cannot be started", cause);
    }
    this.dispatch = dispatchTo(connect(port1));
    // comlink listens to the port, which would keep the process alive. That is for the worker to
    // do, while it must: when it dies, the port is gone before its `exit` event arrives.
    port1.unref();
    this.#listen(parts);
  }

  /** When the collection was opened, by `performance.now()`; null before. */
  get readyAt(): number | null {
    return this.#readyAt;
  }

  /** Keeps the process alive. */
  hold(): void {
    if (this.#keepsAlive) return;
    this.#keepsAlive = true;
    this.#worker.ref();
  }

  /** Lets the process end. Dual of {@link hold}. */
  release(): void {
    if (!this.#keepsAlive) return;
    this.#keepsAlive = false;
    this.#worker.unref();
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #listen({ report, onReady, onDeath }: WorkerLifeParts): void {
    let reason: unknown = null;
    this.#worker.on("message", (message: WorkerMessage) => {
      if (message.type === "report") report(decodeError(message.error));
      else if (message.type === "fatal") reason = decodeError(message.error);
      else {
        this.#readyAt = performance.now();
        onReady();
      }
    });
    this.#worker.on("error", (error) => (reason ??= error));
    this.#worker.on("exit", (exitCode) => {
      this.#port.close();
      if (reason instanceof StoreError) onDeath(reason);
      else onDeath(workerError(`exited with code ${exitCode}`, reason));
    });
  }
}

/** The error `WORKER_EXITED`: what became of the worker, and why if that is known. */
export function workerError(what: string, cause: unknown): StoreError {
  const reason = isErrorLike(cause) ? `: ${cause.message}` : "";
  const hint = isMissingFile(cause) ? ` (${BUNDLED})` : "";
  const message = `the worker thread of the session store ${what}${reason}${hint}`;
  return new StoreError("WORKER_EXITED", message, { cause: cause ?? undefined });
}

function isMissingFile(cause: unknown): boolean {
  const code = isErrorLike(cause) && "code" in cause ? cause.code : undefined;
  return code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND";
}
