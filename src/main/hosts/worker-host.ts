/**
 * An engine in a worker thread that is replaced when it dies. Keeps the calls in flight, since
 * comlink never settles those of a dead worker, and sends them to the next one.
 *
 * The process stays alive while a call is in flight, and no longer.
 */
import type { Engine } from "../../protocol/contract.js";
import { type DebugLog, debugLog } from "../../protocol/debug-log.js";
import { storeClosed, StoreError, workerDied } from "../../protocol/errors.js";
import { clearTimeout, monotonic, nextTick, pause, setTimeout } from "../../protocol/timers.js";
import { engineFrom } from "../../protocol/dispatch.js";
import { type EngineHost, isTransient, RETRY_AFTER_MS } from "./engine-host.js";
import { inRootContext } from "./root-context.js";
import { LAST_WAIT_MS, workerError, WorkerLife, type WorkerParts } from "./worker-life.js";

/** Delays before the first, second, … respawn in a row; after the last one the host gives up. */
const RESPAWN_DELAYS_MS = [0, 50, 100, 200, 400];
/** A worker that has lived this long has recovered: its death is the first of a new row. */
const RECOVERED_MS = 10_000;
/** A call that was in flight at so many deaths is probably their cause, and fails. */
const MAX_DEATHS_PER_CALL = 2;
/**
 * What must not be made twice where other processes have the same sessions, since theirs may have come
 * between.
 */
const CHANGES = new Set<keyof Engine>(["write", "touch", "clear", "destroyAllOf"]);

/**
 * Owners in this process whose worker is dead and will not be replaced, and may not have released
 * its lock: that is void.
 */
const abandoned = new Set<string>();

interface Call {
  readonly method: keyof Engine;
  args: unknown[];
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  deaths: number;
}

export class WorkerHost implements EngineHost {
  readonly ready: Promise<void>;
  readonly engine: Engine;
  readonly #parts: WorkerParts;
  readonly #log: DebugLog;
  /** The calls in flight, in the order in which they were made and are sent. */
  readonly #calls = new Set<Call>();
  #life: WorkerLife | null = null;
  /** The last one that died. */
  #lost: WorkerLife | null = null;
  #hasOpened = false;
  #watchExpired = false;
  #respawns = 0;
  #respawnTimer: NodeJS.Timeout | null = null;
  /** Why calls fail at once, and from when on a call starts another worker. */
  #outage: { error: Error; retryAt: number } | null = null;
  #closing: Promise<void> | null = null;
  #closed = false;
  #firstOpening!: { succeed: () => void; fail: (error: unknown) => void };

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    this.#log = debugLog(parts.config);
    this.ready = new Promise((succeed, fail) => (this.#firstOpening = { succeed, fail }));
    this.engine = engineFrom((method, args) =>
      method === "close" ? (this.#closing ??= this.#close()) : this.#call(method, args),
    );
    // When the application has had its turn to listen: a new engine tells of what has expired.
    nextTick(() => {
      this.#spawn();
    });
  }

  #call(method: keyof Engine, args: unknown[]): Promise<unknown> {
    if (this.#closed) return Promise.reject(storeClosed());
    if (method === "watchExpired") this.#watchExpired = true;
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
    const { config } = this.#parts;
    abandoned.delete(config.owner);
    const repeats = [...this.#calls].filter(({ deaths }) => deaths > 0).length;
    const watchExpired = this.#watchExpired;
    try {
      const life: WorkerLife = inRootContext(
        () =>
          new WorkerLife({
            ...this.#parts,
            config: { ...config, abandoned: [...abandoned], repeats, watchExpired },
            onReady: (isSuccessor) => {
              this.#opened(life, isSuccessor);
            },
            onDeath: (error) => {
              this.#died(life, error);
            },
          }),
      );
      this.#life = life;
    } catch (error) {
      this.#giveUp(error as Error, RETRY_AFTER_MS);
    }
  }

  #opened(life: WorkerLife, isSuccessor: boolean): void {
    life.release();
    this.#hasOpened = true;
    this.#outage = null;
    this.#firstOpening.succeed();
    for (const call of this.#calls) {
      if (isSuccessor || call.deaths === 0) this.#send(life, call);
      else this.#sendAgain(life, call);
    }
  }

  /** What was sent before another process wrote to the collection may be an old value by now. */
  #sendAgain(life: WorkerLife, call: Call): void {
    if (call.method === "touch") call.args = [call.args[0], true];
    else if (CHANGES.has(call.method)) {
      this.#fail(call, workerDied());
      return;
    }
    this.#send(life, call);
  }

  #died(life: WorkerLife, error: StoreError): void {
    const { readyAt, hasExited } = life;
    this.#life = null;
    this.#lost = life;
    if (this.#closed) return;

    this.#log(`${error.code}: ${error.message}`);
    if (readyAt !== null) {
      this.#parts.listener.onError(error);
      for (const call of this.#calls) {
        const { redis } = this.#parts.config;
        if (redis !== undefined && CHANGES.has(call.method)) this.#fail(call, workerDied(error));
        else if (++call.deaths >= MAX_DEATHS_PER_CALL) this.#fail(call, error);
      }
      if (monotonic() - readyAt > RECOVERED_MS) this.#respawns = 0;
    }
    if (!this.#hasOpened) this.#giveUp(error, isTransient(error) ? RETRY_AFTER_MS : Infinity);
    else if (hasExited) this.#respawn(error);
    else this.#giveUp(error, RETRY_AFTER_MS);
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
    this.#outage = { error, retryAt: monotonic() + retryAfterMs };
    // Who was refused the lock holds none.
    const refused = error instanceof StoreError && error.code === "STORE_LOCKED";
    if (!refused) abandoned.add(this.#parts.config.owner);
    this.#firstOpening.fail(error);
    // If calls wait they fail with the error; at the first opening `ready` does.
    if (this.#hasOpened && this.#calls.size === 0) {
      this.#parts.listener.onError(
        workerError(`is not started again for ${retryAfterMs} ms`, error),
      );
    }
    for (const call of this.#calls) this.#fail(call, error);
  }

  /** Ends an outage by starting one worker, if the time has come. */
  #retryAfter(retryAt: number): void {
    // While the last one waits for the disk, another would, too.
    if (monotonic() < retryAt || this.#lost?.hasExited === false) return;
    this.#log("starts a worker again after an outage");
    this.#outage = null;
    this.#respawns = RESPAWN_DELAYS_MS.length;
    this.#spawn();
  }

  async #close(): Promise<void> {
    const { owner } = this.#parts.config;
    let hasClosed = true;
    try {
      // A collection that never opened, or whose worker is not replaced, has nothing to release.
      if (this.#outage === null) await this.#call("close", []);
    } catch (error) {
      if (this.#outage !== null) return;
      hasClosed = false;
      throw error;
    } finally {
      this.#closed = true;
      if (this.#respawnTimer !== null) clearTimeout(this.#respawnTimer);
      const ended = (this.#life?.terminate() ?? Promise.resolve()).then(() => {
        // It may not have released its lock.
        if (!hasClosed) abandoned.add(owner);
      });
      await (hasClosed ? ended : Promise.race([ended, pause(LAST_WAIT_MS)]));
      // What was called while it closed may have reached a thread that was ending.
      for (const call of this.#calls) this.#fail(call, storeClosed());
    }
  }
}
