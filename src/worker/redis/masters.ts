/** The servers that take writes: one, which sentinels may tell of, or those of a cluster. */
import type { RedisAddress, RedisEngineConfig } from "../../protocol/config.js";
import { ClusterMasters } from "./cluster.js";
import { Connection } from "./connection.js";
import type { MakeClient } from "./driver.js";
import { Link } from "./link.js";
import { askSentinels } from "./sentinels.js";

export interface Masters {
  /** The connection to the master that has a key; null while there is none. */
  of(key: string): Connection | null;
  /** The connection to a server that a redirection names. */
  at(address: string): Connection | null;
  /** Those to all masters; null while one is missing. */
  all(): readonly Connection[] | null;
  /** For when a master has said that another one has a key. */
  refresh(): void;
  /** Why there is no connection, if that is known. */
  readonly failure: Error | null;
  /** How many masters are connected, and how many connections have been opened. */
  readonly counts: { readonly connected: number; readonly opened: number };
  stop(): void;
}

/** @param onChange is called when a master may be there that was not, or the other way round */
export function mastersOf(
  config: RedisEngineConfig,
  makeClient: MakeClient,
  onChange: () => void,
): Masters {
  const { redis } = config;
  if (redis.kind === "cluster") return new ClusterMasters(config, makeClient, onChange);
  const locate = (): RedisAddress | null | Promise<RedisAddress> =>
    redis.kind === "sentinel" ? askSentinels(redis, makeClient) : (redis.addresses[0] ?? null);
  return single(
    new Link(
      async (onLost) => Connection.open(config, makeClient, await locate(), onLost),
      onChange,
    ),
  );
}

/** There is no other one that could have a key. */
function single(link: Link): Masters {
  return {
    of: () => link.connection,
    at: () => null,
    all: () => (link.connection === null ? null : [link.connection]),
    refresh: () => undefined,
    get failure() {
      return link.failure;
    },
    get counts() {
      return { connected: link.connection === null ? 0 : 1, opened: link.opened };
    },
    stop: () => {
      link.stop();
    },
  };
}
