/** A redis-server for one cell, on a socket in its directory. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { endWithThisProcess } from "./ending.js";

const START_MS = 10_000;

/** Starts it; answers the path of its socket and how to end it. */
export async function startRedis(directory, appendfsync, env) {
  const socket = join(directory, "redis.sock");
  const options = {
    port: "0",
    unixsocket: socket,
    dir: directory,
    save: "",
    appendonly: "yes",
    appendfsync,
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const server = spawn("redis-server", args, { env: { ...process.env, ...env }, stdio: "ignore" });
  endWithThisProcess(server);
  const exited = new Promise((resolve) => server.once("exit", resolve));
  for (const end = Date.now() + START_MS; !existsSync(socket); await delay(20)) {
    if (server.exitCode !== null || Date.now() > end) {
      server.kill("SIGKILL");
      throw new Error("redis-server did not start");
    }
  }
  return {
    socket,
    async stop() {
      server.kill("SIGTERM");
      const timer = setTimeout(() => server.kill("SIGKILL"), 5000);
      await exited;
      clearTimeout(timer);
    },
  };
}
