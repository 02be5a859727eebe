/**
 * The worker's life seen from outside: spawn, ready, crash, respawn, close. Knows the worker only as
 * a file. Holds the calls in flight, since comlink never settles those of a worker that died.
 *
 * The process stays alive while a call is in flight, and no longer.
 */
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";

import type { EngineConfig } from "../../protocol/config.js";
import type { Engine, WorkerMessage } from "../../protocol/contract.js";
import { type DebugLog, debugLog } from "../../protocol/debug-log.js";
import { isErrorLike, type Report, StoreError } from "../../protocol/errors.js";
import { connect } from "../../protocol/rpc.js";
import { decodeError } from "../../protocol/wire-error.js";
import { type EngineHost, engineOf, mayPass, REST_MS } from "./engine-host.js";
import { BUNDLED } from "./worker-file.js";

/** Waits before the first, second, … respawn in a row; after the last one the host gives up. */
const RESPAWN_DELAYS_MS = [0, 50, 100, 200, 400];
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
  /** Whether it keeps the process alive. */
  held: boolean;
}

export interface WorkerHostParts {
  readonly file: string | URL;
  readonly config: EngineConfig;
  readonly report: Report<Error>;
}

export class WorkerHost implements EngineHost {
  readonly ready: Promise<void>;
  readonly engine: Engine;
  readonly #parts: WorkerHostParts;
  readonly #log: DebugLog;
  /** In the order in which they were made, which is the order in which they are sent. */
  readonly #calls = new Set<Call>();
  #life: Life | null = null;
  #hasOpened = false;
  #respawns = 0;
  #respawnTimer: NodeJS.Timeout | null = null;
  /** Why no call can succeed now, and until when nothing is tried against it. */
  #down: { error: Error; until: number } | null = null;
  #closing: Promise<void> | null = null;
  #closed = false;
  #settleReady!: { resolve: () => void; reject: (error: unknown) => void };

  constructor(parts: WorkerHostParts) {
    this.#parts = parts;
    this.#log = debugLog(parts.config);
    this.ready = new Promise((resolve, reject) => (this.#settleReady = { resolve, reject }));
    this.engine = engineOf((method, args) =>
      method === "close" ? (this.#closing ??= this.#close()) : this.#call(method, args),
    );
    this.#spawn();
  }

  #call(method: keyof Engine, args: unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call: Call = { method, args, resolve, reject, deaths: 0 };
      this.#calls.add(call);
      if (this.#down !== null) this.#tryAgain(this.#down);
      if (this.#down !== null) this.#fail(call, this.#down.error);
      else if (this.#life?.state === "ready") this.#send(this.#life, call);
    });
  }

  #send(life: Life, call: Call): void {
    hold(life);
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
    if (this.#calls.size === 0 && this.#life !== null) release(this.#life);
    return true;
  }

  #spawn(): void {
    const { file, config } = this.#parts;
    abandoned.delete(config.owner);
    const { port1: port, port2 } = new MessageChannel();
    let worker: Worker;
    try {
      worker = new Worker(file, {
        name: "express-session-isolate",
        workerData: { config: { ...config, abandoned: [...abandoned] }, port: port2 },
        transferList: [port2],
        // A worker inherits the flags of the process, and some, such as --input-type, break it.
        execArgv: [],
      });
    } catch (cause) {
      port.close();
      this.#giveUp(exitedError("cannot be started", cause), REST_MS);
      return;
    }
    const remote = connect(port);
    const life: Life = { worker, port, remote, state: "opening", readyAt: 0, held: true };
    this.#life = life;
    // comlink listens to the port, which would keep the process alive. The worker is to do that, as
    // long as it must: when it dies, the port is gone before anybody has heard of the death.
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
    release(life);
    this.#hasOpened = true;
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
    this.#log(`${error.code}: ${error.message}`);
    if (wasReady) {
      this.#parts.report(error);
      for (const call of this.#calls) {
        if (++call.deaths >= MAX_DEATHS_PER_CALL) this.#fail(call, error);
      }
      if (performance.now() - life.readyAt > RECOVERED_MS) this.#respawns = 0;
    }
    if (this.#hasOpened) this.#respawn(error);
    else this.#giveUp(error, mayPass(error) ? REST_MS : Infinity);
  }

  #respawn(error: Error): void {
    const delay = RESPAWN_DELAYS_MS[this.#respawns];
    if (delay === undefined) {
      this.#giveUp(error, REST_MS);
      return;
    }
    this.#respawns++;
    this.#log(`another worker in ${delay} ms`);
    this.#respawnTimer = setTimeout(() => {
      this.#spawn();
    }, delay);
  }

  #giveUp(error: Error, restMs: number): void {
    this.#log(`no worker, and none is tried for ${restMs} ms`);
    this.#down = { error, until: performance.now() + restMs };
    abandoned.add(this.#parts.config.owner);
    this.#settleReady.reject(error);
    // Otherwise the calls tell of it, or, at first, `ready`.
    if (this.#hasOpened && this.#calls.size === 0) {
      this.#parts.report(exitedError(`is not started again for ${restMs} ms`, error));
    }
    for (const call of this.#calls) this.#fail(call, error);
  }

  #fail(call: Call, error: Error): void {
    this.#calls.delete(call);
    call.reject(error);
  }

  /** Starts a worker again after a rest. */
  #tryAgain({ until }: { until: number }): void {
    if (performance.now() < until) return;
    this.#log("tries again after a rest");
    this.#down = null;
    this.#respawns = RESPAWN_DELAYS_MS.length;
    this.#spawn();
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
      // A lock that it could not release is nobody's now.
      abandoned.add(this.#parts.config.owner);
    }
  }
}

/** Makes a worker keep the process alive. */
function hold(life: Life): void {
  if (life.held) return;
  life.held = true;
  life.worker.ref();
}

function release(life: Life): void {
  if (!life.held) return;
  life.held = false;
  life.worker.unref();
}

function exitedError(what: string, cause: unknown): StoreError {
  const reason = isErrorLike(cause) ? `: ${cause.message}` : "";
  const hint = isMissingFile(cause) ? ` (${BUNDLED})` : "";
  const message = `the worker thread of the session store ${what}${reason}${hint}`;
  return new StoreError("WORKER_EXITED", message, { cause: cause ?? undefined });
}

function isMissingFile(cause: unknown): boolean {
  const code = isErrorLike(cause) && "code" in cause ? cause.code : undefined;
  return code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND";
}
