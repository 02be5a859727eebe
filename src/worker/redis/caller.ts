/**
 * Makes the calls of the servers: sends each to the master that has its key, again where that is
 * right, and lets it fail in time. A command that was sent and not answered is sent again only as one
 * that knows it: the scripts decide whether it took effect before.
 */
import type { RedisEngineConfig } from "../../protocol/config.js";
import type { DebugLog } from "../../protocol/debug-log.js";
import { StoreError } from "../../protocol/errors.js";
import { monotonic, setTimeout } from "../../protocol/timers.js";
import { type Call, type Change, changes } from "./call.js";
import type { Connection } from "./connection.js";
import type { MakeClient } from "./driver.js";
import { lastingFailure, unreachable } from "./link.js";
import { type Masters, mastersOf } from "./masters.js";
import { Patience, type Waiting } from "./patience.js";
import { type Command, judge, isOfReplica } from "./replies.js";
import { lateness } from "./scripts.js";

/** How long to wait for a server that says that it cannot do it now. */
const PAUSE_MS = 25;

export class Caller {
  readonly #failAfterMs: number;
  readonly #masters: Masters;
  readonly #patience = new Patience();
  /** Calls and walks that wait for a connection, in their order. */
  #parked = new Set<() => void>();
  #uncertain = 0;

  constructor(config: RedisEngineConfig, makeClient: MakeClient, log: DebugLog) {
    this.#failAfterMs = config.redis.failAfterMs;
    this.#masters = mastersOf(config, makeClient, () => {
      log(`connected to ${this.counts.connected} masters`);
      this.#retryParked();
    });
  }

  get counts(): Masters["counts"] {
    return this.#masters.counts;
  }

  /** How many calls have failed with `STORE_UNCERTAIN`. */
  get uncertain(): number {
    return this.#uncertain;
  }

  read(key: string, command: Command, since = monotonic()): Promise<unknown> {
    return this.#call(key, Infinity, (connection) => connection.read(command), since);
  }

  /** @throws StoreError `STORE_UNCERTAIN` if it may have taken effect */
  change(change: Change): Promise<unknown> {
    const { script, key, args, since = monotonic() } = change;
    const { wantedBy = since + this.#failAfterMs } = change;
    const send: Call["send"] = (connection, isRepeated) =>
      connection.run(script, key, args(String(connection.serverTime(wantedBy)), isRepeated));
    return this.#call(key, wantedBy, send, since);
  }

  /** The error of a change that may have taken effect. */
  unsure(reason: string): StoreError {
    this.#uncertain++;
    return new StoreError(
      "STORE_UNCERTAIN",
      `the Redis server was given the write, and whether it took effect cannot be known: ${reason}`,
    );
  }

  /** Connections to all masters. */
  all(since = monotonic()): Promise<readonly Connection[]> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const connections = this.#masters.all();
        const refused = lastingFailure(this.#masters.failure);
        if (connections !== null) resolve(connections);
        else if (refused !== null) reject(refused);
        else {
          this.#parked.add(look);
          return;
        }
        this.#patience.remove(waiting);
      };
      const waiting: Waiting = {
        deadline: since + this.#failAfterMs,
        expire: () => {
          this.#parked.delete(look);
          reject(unreachable(this.#masters.failure));
        },
        place: -1,
      };
      if (this.#patience.add(waiting)) look();
    });
  }

  /** The time of the server that has a key, about; in epoch milliseconds. */
  serverNow(key: string): number {
    return this.#masters.of(key)?.serverNow() ?? Date.now();
  }

  /** Lets the servers go. */
  stop(): void {
    this.#masters.stop();
    this.#patience.stop();
  }

  #retryParked(): void {
    const parked = this.#parked;
    this.#parked = new Set();
    for (const retry of parked) retry();
  }

  #call(key: string, wantedBy: number, send: Call["send"], since: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call: Call = {
        key,
        wantedBy,
        send,
        resolve,
        reject,
        deadline: since + this.#failAfterMs,
        expire: () => {
          this.#fail(call, unreachable(this.#masters.failure));
        },
        place: -1,
        isSent: false,
        isUnanswered: false,
        isSettled: false,
      };
      if (this.#patience.add(call)) this.#attempt(call);
    });
  }

  #attempt(call: Call, connection = this.#masters.of(call.key)): void {
    if (call.isSettled) return;
    if (connection === null) {
      this.#park(call);
      return;
    }
    call.isSent = true;
    call.send(connection, call.isUnanswered).then(
      (reply) => {
        this.#answered(call, connection, reply);
      },
      (error: unknown) => {
        this.#refused(call, connection, error);
      },
    );
  }

  #park(call: Call): void {
    const refused = lastingFailure(this.#masters.failure);
    if (refused !== null) this.#fail(call, refused);
    else {
      this.#parked.add(() => {
        this.#attempt(call);
      });
    }
  }

  #answered(call: Call, connection: Connection, reply: unknown): void {
    call.isSent = false;
    const serverTime = changes(call) ? lateness(reply) : null;
    if (serverTime !== null && monotonic() > call.wantedBy) {
      this.#fail(call, unreachable(this.#masters.failure));
    } else if (serverTime !== null) {
      // It was not late here: the clock of the server was set.
      connection.setServerTime(serverTime);
      this.#again(call);
    } else if (this.#settle(call)) call.resolve(reply);
  }

  #refused(call: Call, connection: Connection, error: unknown): void {
    call.isSent = false;
    const verdict = judge(error);
    switch (verdict.kind) {
      case "failed":
        this.#fail(call, verdict.error);
        return;
      case "no script":
        connection.loadScripts().then(
          () => {
            this.#attempt(call);
          },
          () => {
            this.#again(call);
          },
        );
        return;
      case "ask":
        this.#redirect(call, verdict.address);
        return;
      case "again":
        if (isOfReplica(error)) connection.drop("the server has become a replica");
        this.#masters.refresh();
        this.#again(call);
        return;
      case "unanswered":
        call.isUnanswered = true;
        this.#again(call);
    }
  }

  #redirect(call: Call, address: string): void {
    const target = this.#masters.at(address);
    if (target === null) {
      this.#masters.refresh();
      this.#again(call);
      return;
    }
    target.asking();
    this.#attempt(call, target);
  }

  #again(call: Call): void {
    setTimeout(() => {
      this.#attempt(call);
    }, PAUSE_MS);
  }

  #fail(call: Call, error: StoreError): void {
    const isUnsure = changes(call) && (call.isSent || call.isUnanswered);
    if (!this.#settle(call)) return;
    call.reject(isUnsure ? this.unsure(error.message) : error);
  }

  /** False if it was settled before. */
  #settle(call: Call): boolean {
    if (call.isSettled) return false;
    call.isSettled = true;
    this.#patience.remove(call);
    return true;
  }
}
