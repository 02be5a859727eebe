/** The servers that take writes: one, which sentinels may tell of, or those of a cluster. */
import type { RedisAddress, RedisEngineConfig } from "../../protocol/config.js";
import { askerOf, clientOptions } from "./asking.js";
import { ClusterMasters } from "./cluster.js";
import { Connection, type ConnectionParts } from "./connection.js";
import type { MakeClient } from "./driver.js";
import { proofOf } from "./durability.js";
import { Link } from "./link.js";
import { askSentinels, ofSentinels } from "./sentinels.js";

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

/** Opens connections. */
export type OpenConnection = (
  address: RedisAddress | null,
  onLost: ConnectionParts["onLost"],
) => Promise<Connection>;

/** The part of the time for a call after which a silent server is given up, so that another is asked. */
const PATIENCE = 0.5;

/** @param onChange is called when a master may be there that was not, or the other way round */
export function mastersOf(
  config: RedisEngineConfig,
  makeClient: MakeClient,
  onChange: () => void,
): Masters {
  const { redis } = config;
  const prove = proofOf(config);
  const patienceMs = redis.failAfterMs * PATIENCE;
  const open: OpenConnection = (address, onLost) =>
    Connection.open({
      makeClient,
      options: clientOptions(redis, address),
      patienceMs,
      prove,
      onLost,
    });
  const ask = askerOf(redis, makeClient, patienceMs);
  if (redis.kind === "cluster") {
    return new ClusterMasters({ seeds: redis.addresses, ask, open, onChange });
  }
  const locate =
    redis.kind === "sentinel"
      ? () => askSentinels(redis, askerOf(ofSentinels(redis), makeClient, patienceMs))
      : () => Promise.resolve(redis.addresses[0] ?? null);
  return single(new Link(async (onLost) => open(await locate(), onLost), onChange));
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
