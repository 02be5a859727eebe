/**
 * The worker's life seen from outside: spawn, ready, crash, respawn, close. Knows the worker only as
 * a URL. Holds the calls in flight, since comlink never settles those of a worker that died.
 *
 * The process stays alive while a call is in flight, and no longer.
 */
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";

import type { Engine, EngineConfig, WorkerMessage } from "../protocol/contract.js";
import { decodeError, StoreError } from "../protocol/errors.js";
import { connect } from "../protocol/rpc.js";
import { type EngineHost, engineOf } from "./engine-host.js";
import type { Report } from "./reporter.js";

/** Waits before the first, second, … respawn in a row; after the last one the host gives up. */
const RESPAWN_DELAYS_MS = [0, 50, 100, 200, 400];
/** After giving up, calls fail at once for this long; the next one then tries again. */
const REST_MS = 10_000;
/** A worker that has lived this long has recovered: deaths are counted anew. */
const RECOVERED_MS = 10_000;
/** A call that was in flight this often when the worker died may well be what kills it. */
const MAX_DEATHS_PER_CALL = 2;

/** Stores of this process whose worker is dead, and which have no other: their locks are void. */
const abandoned = new Set<string>();

type Method = (...args: unknown[]) => Promise<unknown>;

interface Call {
  readonly method: keyof Engine;
  readonly args: unknown[];
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  deaths: number;
}

/** One worker, from its spawn to its death. */
interface Life {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly remote: Engine;
  state: "opening" | "ready" | "dead";
  readyAt: number;
}

export interface WorkerHostParts {
  readonly url: URL;
  readonly config: EngineConfig;
  readonly report: Report;
}

export class WorkerHost implements EngineHost {
  readonly ready: Promise<void>;
  readonly engine: Engine;
  readonly #parts: WorkerHostParts;
  /** In the order in which they were made, which is the order in which they are sent. */
  readonly #calls = new Set<Call>();
  #life: Life | null = null;
  #respawns = 0;
  #respawnTimer: NodeJS.Timeout | null = null;
  /** Why no call can succeed now, and until when nothing is tried against it. */
  #down: { error: Error; until: number } | null = null;
  #closing: Promise<void> | null = null;
  #closed = false;
  #settleReady!: { resolve: () => void; reject: (error: unknown) => void };

  constructor(parts: WorkerHostParts) {
    this.#parts = parts;
    this.ready = new Promise((resolve, reject) => (this.#settleReady = { resolve, reject }));
    this.engine = engineOf((method, args) =>
      method === "close" ? (this.#closing ??= this.#close()) : this.#call(method, args),
    );
    this.#spawn();
  }

  #call(method: keyof Engine, args: unknown[]): Promise<unknown> {
    if (this.#down !== null && !this.#tryAgain(this.#down)) return Promise.reject(this.#down.error);
    return new Promise((resolve, reject) => {
      const call: Call = { method, args, resolve, reject, deaths: 0 };
      this.#calls.add(call);
      if (this.#life?.state === "ready") this.#send(this.#life, call);
    });
  }

  #send(life: Life, call: Call): void {
    life.port.ref();
    const remote = life.remote as unknown as Record<string, Method>;
    remote[call.method]?.(...call.args).then(
      (value) => {
        if (this.#settled(call)) call.resolve(value);
      },
      (error: unknown) => {
        if (this.#settled(call)) call.reject(error);
      },
    );
  }

  #settled(call: Call): boolean {
    if (!this.#calls.delete(call)) return false;
    if (this.#calls.size === 0) this.#life?.port.unref();
    return true;
  }

  #spawn(): void {
    const { url, config } = this.#parts;
    abandoned.delete(config.owner);
    const { port1: port, port2 } = new MessageChannel();
    let worker: Worker;
    try {
      worker = new Worker(url, {
        name: "express-session-isolate",
        workerData: { config: { ...config, abandoned: [...abandoned] }, port: port2 },
        transferList: [port2],
        // A worker inherits the flags of the process, and some, such as --input-type, break it.
        execArgv: [],
      });
    } catch (cause) {
      port.close();
      this.#giveUp(exitedError("cannot be started", cause), performance.now() + REST_MS);
      return;
    }
    const life: Life = { worker, port, remote: connect(port), state: "opening", readyAt: 0 };
    this.#life = life;
    // comlink listens to the port, which keeps the process alive. Until the worker is ready the
    // worker itself does.
    port.unref();

    let reason: unknown = null;
    worker.on("message", (message: WorkerMessage) => {
      if (message.type === "ready") this.#opened(life);
      else if (message.type === "fatal") reason = decodeError(message.error);
      else this.#parts.report(decodeError(message.error));
    });
    worker.on("error", (error) => (reason ??= error));
    worker.on("exit", (exitCode) => {
      this.#died(life, reason, exitCode);
    });
  }

  #opened(life: Life): void {
    life.state = "ready";
    life.readyAt = performance.now();
    life.worker.unref();
    this.#down = null;
    this.#settleReady.resolve();
    for (const call of this.#calls) this.#send(life, call);
  }

  #died(life: Life, reason: unknown, exitCode: number): void {
    const wasReady = life.state === "ready";
    life.state = "dead";
    life.port.close();
    this.#life = null;
    if (this.#closed) return;

    const error =
      reason instanceof StoreError ? reason : exitedError(`exited with code ${exitCode}`, reason);
    if (wasReady) {
      this.#parts.report(error);
      for (const call of this.#calls) {
        if (++call.deaths >= MAX_DEATHS_PER_CALL) this.#fail(call, error);
      }
      if (performance.now() - life.readyAt > RECOVERED_MS) this.#respawns = 0;
    }
    const neverOpened = !wasReady && this.#respawns === 0;
    const delay = RESPAWN_DELAYS_MS[this.#respawns];
    if (neverOpened || delay === undefined) {
      this.#giveUp(error, neverOpened ? Infinity : performance.now() + REST_MS);
      return;
    }
    this.#respawns++;
    this.#respawnTimer = setTimeout(() => {
      this.#spawn();
    }, delay);
  }

  #giveUp(error: Error, until: number): void {
    this.#down = { error, until };
    abandoned.add(this.#parts.config.owner);
    this.#settleReady.reject(error);
    for (const call of this.#calls) this.#fail(call, error);
  }

  #fail(call: Call, error: Error): void {
    this.#calls.delete(call);
    call.reject(error);
  }

  /** Starts a worker again after a rest. @returns whether one is on its way */
  #tryAgain({ until }: { until: number }): boolean {
    if (performance.now() < until) return false;
    this.#down = null;
    this.#respawns = RESPAWN_DELAYS_MS.length;
    this.#spawn();
    return true;
  }

  async #close(): Promise<void> {
    try {
      // A collection that never opened, or whose worker is gone for good, has nothing to release.
      if (this.#down === null) await this.#call("close", []);
    } catch (error) {
      if (this.#down === null) throw error;
    } finally {
      this.#closed = true;
      if (this.#respawnTimer !== null) clearTimeout(this.#respawnTimer);
      await this.#life?.worker.terminate();
    }
  }
}

function exitedError(what: string, cause: unknown): StoreError {
  const reason = cause instanceof Error ? `: ${cause.message}` : "";
  const message = `the worker thread of the session store ${what}${reason}`;
  return new StoreError("WORKER_EXITED", message, { cause: cause ?? undefined });
}
