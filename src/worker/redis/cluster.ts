/** The masters of a cluster, as its nodes tell them: who has which slots. */
import type { RedisAddress, RedisEngineConfig } from "../../protocol/config.js";
import { setTimeout } from "../../protocol/timers.js";
import { Connection } from "./connection.js";
import type { MakeClient } from "./driver.js";
import { ask } from "./line.js";
import { Link } from "./link.js";
import type { Masters } from "./masters.js";
import { SLOTS, slotOf } from "./slots.js";

/** How long after a look at the cluster another one may be had. */
const LOOK_AGAIN_MS = 100;

/** What `CLUSTER SLOTS` tells of a range of slots. */
type Range = readonly [
  first: number,
  last: number,
  master: readonly [host: string | null, port: number],
];

export class ClusterMasters implements Masters {
  readonly #config: RedisEngineConfig;
  readonly #makeClient: MakeClient;
  readonly #onChange: () => void;
  /** By `host:port`. */
  readonly #links = new Map<string, Link>();
  /** The master of each slot; empty until the cluster has told. */
  #slots: (Link | undefined)[] = [];
  /** Whether there is a master for each slot. */
  #isComplete = false;
  #failure: Error | null = null;
  #isLooking = false;
  #opened = 0;
  #stopped = false;

  constructor(config: RedisEngineConfig, makeClient: MakeClient, onChange: () => void) {
    this.#config = config;
    this.#makeClient = makeClient;
    this.#onChange = onChange;
    this.refresh();
  }

  of(key: string): Connection | null {
    return this.#slots[slotOf(key)]?.connection ?? null;
  }

  at(address: string): Connection | null {
    return this.#links.get(address)?.connection ?? null;
  }

  all(): readonly Connection[] | null {
    if (!this.#isComplete) return null;
    const connections = [...new Set(this.#slots)].map((link) => link?.connection ?? null);
    return connections.every((connection) => connection !== null) ? connections : null;
  }

  get failure(): Error | null {
    const failures = [...this.#links.values()].map(({ failure }) => failure);
    return failures.find((failure) => failure !== null) ?? this.#failure;
  }

  get counts(): Masters["counts"] {
    const links = [...this.#links.values()];
    return {
      connected: links.filter(({ connection }) => connection !== null).length,
      opened: links.reduce((sum, { opened }) => sum + opened, this.#opened),
    };
  }

  refresh(): void {
    if (this.#isLooking || this.#stopped) return;
    this.#isLooking = true;
    void this.#look().finally(() => {
      // Where a master is missing, another one may take its place at any moment.
      const timer = setTimeout(() => {
        this.#isLooking = false;
        if (this.all() === null) this.refresh();
      }, LOOK_AGAIN_MS);
      timer.unref();
    });
  }

  stop(): void {
    this.#stopped = true;
    for (const link of this.#links.values()) link.stop();
  }

  async #look(): Promise<void> {
    try {
      const [reply, asked] = await this.#ask();
      if (!this.#stopped) this.#take(reply, asked);
    } catch (error) {
      this.#failure = error as Error;
    }
    if (!this.#stopped) this.#onChange();
  }

  /** What some node tells, and its host: a node may not know by which name it is reached. */
  async #ask(): Promise<[reply: unknown, host: string]> {
    for (const [address, { connection }] of this.#links) {
      const reply = await connection?.read(["CLUSTER", "SLOTS"]).catch(() => undefined);
      if (reply !== undefined) return [reply, address.slice(0, address.lastIndexOf(":"))];
    }
    const { redis } = this.#config;
    const asked = redis.addresses.map(async (seed): Promise<[unknown, string]> => {
      return [await ask(redis, this.#makeClient, seed, ["CLUSTER", "SLOTS"]), seed.host];
    });
    try {
      return await Promise.any(asked);
    } catch (error) {
      const [first] = (error as AggregateError).errors as Error[];
      throw first ?? new Error("no node of the cluster is known");
    }
  }

  #take(reply: unknown, asked: string): void {
    const slots: (Link | undefined)[] = Array.from({ length: SLOTS });
    const known = new Set<string>();
    for (const [first, last, [host, port]] of reply as readonly Range[]) {
      const address = { host: host === null || host === "" ? asked : host, port: port };
      const name = `${address.host}:${address.port}`;
      known.add(name);
      let link = this.#links.get(name);
      if (link === undefined) this.#links.set(name, (link = this.#linkTo(address)));
      slots.fill(link, first, last + 1);
    }
    for (const [name, link] of this.#links) {
      if (known.has(name)) continue;
      this.#links.delete(name);
      this.#opened += link.opened;
      link.stop();
    }
    this.#slots = slots;
    this.#isComplete = slots.every((link) => link !== undefined);
    this.#failure = this.#isComplete ? null : new Error("the cluster has no master for some slots");
  }

  #linkTo(address: RedisAddress): Link {
    const link: Link = new Link(
      (onLost) => Connection.open(this.#config, this.#makeClient, address, onLost),
      () => {
        if (link.connection === null) this.refresh();
        this.#onChange();
      },
    );
    return link;
  }
}
