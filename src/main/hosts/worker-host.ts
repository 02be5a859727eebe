/**
 * An engine in a worker thread that is replaced when it dies. Keeps the calls in flight, since
 * comlink never settles those of a dead worker, and sends them to the next one.
 *
 * The process stays alive while a call is in flight, and no longer.
 */
import type { EngineConfig } from "../../protocol/config.js";
import type { Engine } from "../../protocol/contract.js";
import { type DebugLog, debugLog } from "../../protocol/debug-log.js";
import { type Report, StoreError } from "../../protocol/errors.js";
import { engineFrom, type EngineHost, isTransient, RETRY_AFTER_MS } from "./engine-host.js";
import { workerError, WorkerLife } from "./worker-life.js";

/** Delays before the first, second, … respawn in a row; after the last one the host gives up. */
const RESPAWN_DELAYS_MS = [0, 50, 100, 200, 400];
/** A worker that has lived this long has recovered: its death is the first of a new row. */
const RECOVERED_MS = 10_000;
/** A call that was in flight at so many deaths is probably their cause, and fails. */
const MAX_DEATHS_PER_CALL = 2;

/** Owners in this process whose worker is dead and will not be replaced: their locks are void. */
const abandoned = new Set<string>();

interface Call {
  readonly method: keyof Engine;
  readonly args: unknown[];
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  deaths: number;
}

interface WorkerHostParts {
  readonly file: string | URL;
  readonly config: EngineConfig;
  readonly report: Report<Error>;
}

export class WorkerHost implements EngineHost {
  readonly ready: Promise<void>;
  readonly engine: Engine;
  readonly #parts: WorkerHostParts;
  readonly #log: DebugLog;
  /** The calls in flight, in the order in which they were made and are sent. */
  readonly #calls = new Set<Call>();
  #life: WorkerLife | null = null;
  #hasOpened = false;
  #respawns = 0;
  #respawnTimer: NodeJS.Timeout | null = null;
  /** Why calls fail at once, and from when on a call starts another worker. */
  #outage: { error: Error; retryAt: number } | null = null;
  #closing: Promise<void> | null = null;
  #closed = false;
  #firstOpening!: { succeed: () => void; fail: (error: unknown) => void };

  constructor(parts: WorkerHostParts) {
    this.#parts = parts;
    this.#log = debugLog(parts.config);
    this.ready = new Promise((succeed, fail) => (this.#firstOpening = { succeed, fail }));
    this.engine = engineFrom((method, args) =>
      method === "close" ? (this.#closing ??= this.#close()) : this.#call(method, args),
    );
    this.#spawn();
  }

  #call(method: keyof Engine, args: unknown[]): Promise<unknown> {
    if (this.#closed) {
      return Promise.reject(new StoreError("STORE_CLOSED", "the store has been closed"));
    }
    return new Promise((resolve, reject) => {
      const call: Call = { method, args, resolve, reject, deaths: 0 };
      this.#calls.add(call);
      if (this.#outage !== null) this.#retryAfter(this.#outage.retryAt);
      if (this.#outage !== null) this.#fail(call, this.#outage.error);
      else if (this.#life !== null && this.#life.readyAt !== null) this.#send(this.#life, call);
    });
  }

  #send(life: WorkerLife, call: Call): void {
    life.hold();
    life.dispatch(call.method, call.args).then(
      (value) => {
        if (this.#finish(call)) call.resolve(value);
      },
      (error: unknown) => {
        if (this.#finish(call)) call.reject(error);
      },
    );
  }

  /** Removes a call from those in flight; false if it was removed before. */
  #finish(call: Call): boolean {
    if (!this.#calls.delete(call)) return false;
    if (this.#calls.size === 0) this.#life?.release();
    return true;
  }

  #fail(call: Call, error: Error): void {
    this.#calls.delete(call);
    call.reject(error);
  }

  #spawn(): void {
    const { file, config, report } = this.#parts;
    abandoned.delete(config.owner);
    try {
      const life: WorkerLife = new WorkerLife({
        file,
        config: { ...config, abandoned: [...abandoned] },
        report,
        onReady: () => {
          this.#opened(life);
        },
        onDeath: (error) => {
          this.#died(life, error);
        },
      });
      this.#life = life;
    } catch (error) {
      this.#giveUp(error as Error, RETRY_AFTER_MS);
    }
  }

  #opened(life: WorkerLife): void {
    life.release();
    this.#hasOpened = true;
    this.#outage = null;
    this.#firstOpening.succeed();
    for (const call of this.#calls) this.#send(life, call);
  }

  #died({ readyAt }: WorkerLife, error: StoreError): void {
    this.#life = null;
    if (this.#closed) return;

    this.#log(`${error.code}: ${error.message}`);
    if (readyAt !== null) {
      this.#parts.report(error);
      for (const call of this.#calls) {
        if (++call.deaths >= MAX_DEATHS_PER_CALL) this.#fail(call, error);
      }
      if (performance.now() - readyAt > RECOVERED_MS) this.#respawns = 0;
    }
    if (this.#hasOpened) this.#respawn(error);
    else this.#giveUp(error, isTransient(error) ? RETRY_AFTER_MS : Infinity);
  }

  #respawn(error: Error): void {
    const delay = RESPAWN_DELAYS_MS[this.#respawns];
    if (delay === undefined) {
      this.#giveUp(error, RETRY_AFTER_MS);
      return;
    }
    this.#respawns++;
    this.#log(`starts another worker in ${delay} ms`);
    this.#respawnTimer = setTimeout(() => {
      this.#spawn();
    }, delay);
  }

  /** Fails all calls, and those of the next `retryAfterMs`. */
  #giveUp(error: Error, retryAfterMs: number): void {
    this.#log(`gives up, and starts no worker for ${retryAfterMs} ms`);
    this.#outage = { error, retryAt: performance.now() + retryAfterMs };
    abandoned.add(this.#parts.config.owner);
    this.#firstOpening.fail(error);
    // If calls wait they fail with the error; at the first opening `ready` does.
    if (this.#hasOpened && this.#calls.size === 0) {
      this.#parts.report(workerError(`is not started again for ${retryAfterMs} ms`, error));
    }
    for (const call of this.#calls) this.#fail(call, error);
  }

  /** Ends an outage by starting one worker, if the time has come. */
  #retryAfter(retryAt: number): void {
    if (performance.now() < retryAt) return;
    this.#log("starts a worker again after an outage");
    this.#outage = null;
    this.#respawns = RESPAWN_DELAYS_MS.length;
    this.#spawn();
  }

  async #close(): Promise<void> {
    try {
      // A collection that never opened, or whose worker is not replaced, has nothing to release.
      if (this.#outage === null) await this.#call("close", []);
    } catch (error) {
      if (this.#outage === null) throw error;
    } finally {
      this.#closed = true;
      if (this.#respawnTimer !== null) clearTimeout(this.#respawnTimer);
      await this.#life?.terminate();
      // Its lock, if it could not be released, is void from now on.
      abandoned.add(this.#parts.config.owner);
    }
  }
}
