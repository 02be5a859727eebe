/** One question to one server, on a connection that is closed when it is answered. */
import type { RedisAddress, RedisConfig } from "../../protocol/config.js";
import type { MakeClient } from "./driver.js";
import { Line } from "./line.js";
import type { Command } from "./replies.js";

/** Asks the server at an address. */
export type Ask = (address: RedisAddress, command: Command) => Promise<unknown>;

export function askerOf(redis: RedisConfig, makeClient: MakeClient, patienceMs: number): Ask {
  return async (address, command) => {
    const options = clientOptions(redis, address);
    const line: Line = new Line({ makeClient, options, patienceMs }, () => {
      line.end();
    });
    try {
      await line.connect();
      return await line.send(command);
    } finally {
      line.end();
    }
  };
}

/** Options of node-redis for one connection. Nothing is tried again there: that is decided here. */
export function clientOptions(
  { path, tls, username, password, database, failAfterMs }: RedisConfig,
  address: RedisAddress | null,
): Record<string, unknown> {
  return {
    socket: {
      ...(address ?? (path !== undefined && { path })),
      ...(tls !== null && { ...tls, tls: true }),
      connectTimeout: failAfterMs,
      reconnectStrategy: false,
    },
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(database !== 0 && { database }),
    RESP: 2,
    disableOfflineQueue: true,
    maintNotifications: "disabled",
    commandOptions: { timeout: undefined },
  };
}
