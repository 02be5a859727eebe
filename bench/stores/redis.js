/** connect-redis, and this store, with a redis-server of their own on a socket in the directory. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isolates, withHelper } from "./isolate.js";

const connectRedis = async (/** @type {string} */ path) => {
  const { createClient } = await import("redis");
  const { RedisStore } = await import("connect-redis");
  const client = await createClient({ socket: { path, tls: false } }).connect();
  return { store: new RedisStore({ client }), close: () => client.close() };
};
const isolate = (/** @type {string} */ path) =>
  isolates.isolate.open("", { directory: undefined, redis: { path }, durable: true });

/**
 * @param {"always" | "everysec"} appendfsync @param {"disk" | "process"} guarantee
 * @param {(path: string) => Promise<import("./index.js").Opened>} connect
 * @returns {import("./index.js").Contender}
 */
const contender = (appendfsync, guarantee, connect = connectRedis) => ({
  label: connect === isolate ? "this store over Redis" : `connect-redis, ${appendfsync}`,
  guarantee,
  ours: connect === isolate,
  missing: () => (spawnSync("redis-server", ["-v"]).error ? "no redis-server" : undefined),
  async open(directory) {
    const path = join(directory, "redis.sock");
    // Of a cluster, another process has started it.
    if (existsSync(path)) return connect(path);
    const options = { port: 0, unixsocket: path, dir: directory, appendonly: "yes", appendfsync };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`]);
    const server = spawn("redis-server", [...args, "--save", ""], { stdio: "ignore" });
    process.once("exit", () => server.kill("SIGKILL"));
    while (!existsSync(path)) {
      if (server.exitCode !== null) throw new Error("redis-server did not start");
      await delay(20);
    }
    return withHelper(await connect(path), server);
  },
});

export const redis = {
  "redis-always": contender("always", "disk"),
  "redis-everysec": contender("everysec", "process"),
  "isolate-redis": contender("always", "disk", isolate),
};
