/** Owns what is in the places that sessions are moved from: files, and keys of connect-redis. */
import { openEngine } from "../../../src/worker/disk/engine.js";
import { type ConfigOverrides, engineConfig } from "../engine-world.js";
import { listenerTo } from "../listener.js";
import type { Server } from "../redis/server.js";

interface Filed {
  readonly sid: string;
  readonly expiresAt: number;
  readonly json: string;
  /** The cookie of a touch. */
  readonly cookie?: string;
  readonly user?: string;
}

/** Stores sessions in files, by a process that has ended. */
export async function fileSessions(
  directory: string,
  sessions: readonly Filed[],
  overrides: ConfigOverrides = {},
): Promise<void> {
  const config = engineConfig(directory, { hasUsers: true, ...overrides });
  const engine = await openEngine(
    config,
    listenerTo((error) => {
      throw error;
    }),
  );
  await engine.write(
    sessions.map(({ sid, json, expiresAt, user }) => [sid, json, expiresAt, "put", user ?? null]),
  );
  for (const { sid, cookie, expiresAt } of sessions) {
    if (cookie !== undefined) await engine.touch([[sid, cookie, expiresAt]]);
  }
  await engine.close();
}

/** Stores a session as connect-redis does. @param expiresAt null for one that does not expire */
export function storeAsConnectRedis(
  server: Server,
  sid: string,
  json: string,
  expiresAt: number | null,
  prefix = "sess:",
): void {
  const expiry = expiresAt === null ? [] : ["PXAT", String(expiresAt)];
  server.cli("SET", prefix + sid, json, ...expiry);
}

/** Stores a session for each id, all with the same text. */
export function storeManyAsConnectRedis(
  server: Server,
  sids: readonly string[],
  json: string,
  expiresAt: number,
): void {
  const script = "for n = 3, #ARGV do redis.call('SET', ARGV[n], ARGV[1], 'PXAT', ARGV[2]) end";
  const keys = sids.map((sid) => `sess:${sid}`);
  server.cli("EVAL", script, "0", json, String(expiresAt), ...keys);
}
