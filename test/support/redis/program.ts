/** Owns whether there is a redis-server to test with. */
import { spawnSync } from "node:child_process";

export const PROGRAM = process.env["REDIS_SERVER"] ?? "redis-server";

export const HAS_SERVER = spawnSync(PROGRAM, ["--version"]).status === 0;
