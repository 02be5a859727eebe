/**
 * One worker thread, from its spawn to its death: its port, and whether it keeps the process alive.
 * Knows neither the calls that it is sent nor the worker that replaces it: `worker-host.ts` does.
 */
import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  type ResourceLimits,
  Worker,
} from "node:worker_threads";

import type { EngineConfig } from "../../protocol/config.js";
import type { EngineListener, WorkerMessage } from "../../protocol/contract.js";
import { isErrorLike, StoreError } from "../../protocol/errors.js";
import { connect } from "../../protocol/rpc.js";
import { clearTimeout, monotonic, nextTick, setTimeout } from "../../protocol/timers.js";
import { decodeError } from "../../protocol/wire-error.js";
import type { Dispatch } from "../../protocol/dispatch.js";
import { loadingFlags } from "./loading-flags.js";
import { notFoundHint } from "./worker-file.js";

/** What a worker is made of, and whom it tells. */
export interface WorkerParts {
  readonly file: string | URL;
  readonly config: EngineConfig;
  readonly resourceLimits?: ResourceLimits;
  readonly listener: EngineListener;
}

interface WorkerLifeParts extends WorkerParts {
  /**
   * Called when the collection is open.
   * @param isSuccessor whether nobody but this store can have changed anything since the last worker
   */
  readonly onReady: (isSuccessor: boolean) => void;
  /** Called once, at the end, with the engine's error or `WORKER_EXITED`; see {@link hasExited}. */
  readonly onDeath: (error: StoreError) => void;
}

/**
 * The part of a worker's heap that is for young objects, unless the application sets it: what Node 20 and
 * 22 give it. Of the 192 MB that Node 24 gives, one collection may promote more than a small heap has left.
 */
const YOUNG_MB = 48;

/** How long to wait for the end of a thread that is to end: one that waits for a disk cannot. */
export const LAST_WAIT_MS = 1000;

export class WorkerLife {
  /** Calls the engine. What it returns never settles once the worker is dead. */
  readonly dispatch: Dispatch;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  #keepsAlive = true;
  /** When the collection was opened, by `monotonic()`; null before. */
  readyAt: number | null = null;
  /** Whether the thread has ended: one that waits for a disk may not have, though it is given up. */
  hasExited = false;

  /** @throws StoreError `WORKER_EXITED` if no thread can be started */
  constructor(parts: WorkerLifeParts) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    try {
      this.#worker = new Worker(parts.file, {
        name: "express-session-isolate",
        workerData: { config: parts.config, port: port2 },
        transferList: [port2],
        // By default a worker inherits all of them, and some, such as --input-type, break it.
        execArgv: loadingFlags(process.execArgv),
        resourceLimits: {
          ...parts.resourceLimits,
          maxYoungGenerationSizeMb: parts.resourceLimits?.maxYoungGenerationSizeMb ?? YOUNG_MB,
        },
      });
    } catch (cause) {
      port1.close();
      throw workerError("cannot be started", cause);
    }
    this.dispatch = connect(port1);
    // comlink listens to the port, which would keep the process alive. That is for the worker to
    // do, while it must: when it dies, the port is gone before its `exit` event arrives.
    port1.unref();
    this.#listen(parts);
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

  #listen({ listener: { onError, onExpired }, onReady, onDeath }: WorkerLifeParts): void {
    let reason: unknown = null;
    let lastWait: NodeJS.Timeout | undefined;
    let isDead = false;
    const die = (what: string): void => {
      clearTimeout(lastWait);
      if (!isDead) onDeath(reason instanceof StoreError ? reason : workerError(what, reason));
      isDead = true;
    };
    this.#worker.on("message", (message: WorkerMessage) => {
      if (message.type === "report") onError(decodeError(message.error));
      else if (message.type === "expired") onExpired(message.sessions);
      else if (message.type === "fatal") {
        reason = decodeError(message.error);
        // Something else, such as a preloaded agent, may keep the thread alive.
        void this.#worker.terminate();
        lastWait = setTimeout(() => {
          this.release();
          die("does not end");
        }, LAST_WAIT_MS);
      } else {
        this.readyAt = monotonic();
        onReady(message.isSuccessor);
      }
    });
    this.#worker.on("error", (error) => (reason ??= error));
    this.#worker.on("exit", (exitCode) => {
      this.hasExited = true;
      // Whatever it has answered has been made, and others may have written since.
      const hasAnswered = deliverRest(this.#port);
      this.#port.close();
      const what = `exited with code ${exitCode}`;
      if (!hasAnswered) die(what);
      // Once those calls have been settled, and before anything else happens.
      else void Promise.resolve().then(() => nextTick(die, what));
    });
  }
}

/** Delivers what would go with the port: what has come and has not been read. @returns whether there was any */
function deliverRest(port: MessagePort): boolean {
  for (let count = 0; ; count++) {
    const received = receiveMessageOnPort(port) as { message: unknown } | undefined;
    if (received === undefined) return count > 0;
    port.emit("message", received.message);
  }
}

/** The error `WORKER_EXITED`: what became of the worker, and why if that is known. */
export function workerError(what: string, cause: unknown): StoreError {
  const reason = isErrorLike(cause) ? `: ${cause.message}` : "";
  const code = isErrorLike(cause) && "code" in cause ? cause.code : undefined;
  const hint = typeof code === "string" ? hintFor(code) : null;
  const note = hint === null ? "" : ` (${hint})`;
  const message = `the worker thread of the session store ${what}${reason}${note}`;
  return new StoreError("WORKER_EXITED", message, { cause: cause ?? undefined });
}

/** What to do, by the code of the cause. */
function hintFor(code: string): string | null {
  // ENOENT is that of the disk thread's file, which the worker reads.
  if (["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND", "ENOENT"].includes(code)) return notFoundHint();
  if (code !== "ERR_WORKER_OUT_OF_MEMORY") return null;
  return (
    'give the worker a larger heap with the option "resourceLimits", or lower "maxBytes" or ' +
    '"maxPendingBytes"'
  );
}
