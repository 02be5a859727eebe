/**
 * Owns what kill -9 may cost while sessions move: a process that serves them is killed at random
 * moments, and the next one goes on. Nothing that was acknowledged is lost, nobody who is not logged out
 * misses a session, and nobody who is has one again.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { setImmediate as turn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { StoreOptions } from "express-session-isolate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MigrationConfig } from "../../src/protocol/config.js";
import { type Random, SEED, seededRandom } from "../support/random.js";
import {
  fromConnectRedis,
  fromFiles,
  movingConfig,
  openMoving,
  untilDone,
} from "../support/move/engines.js";
import { fileSessions, storeManyAsConnectRedis } from "../support/move/old-places.js";
import { HAS_SERVER, Server } from "../support/redis/server.js";
import { tempDirectory } from "../support/temp-dir.js";

const ROUNDS = process.env["FAULTS"] === "long" ? 30 : 3;
const TIMEOUT_MS = ROUNDS * 60_000;
const COUNT = 960;
const MOVER = fileURLToPath(new URL("../fixtures/mover.js", import.meta.url));
const FAR = Date.UTC(2100, 0, 1);
const SIDS = Array.from({ length: COUNT }, (_, n) => `sid-${n}`);
const sessionText = (n: number): string => JSON.stringify({ cookie: { expires: FAR }, n });

/** What each session may be: the number in it, or null where it is destroyed. */
class Possible {
  readonly #values = new Map<string, (number | null)[]>(SIDS.map((sid) => [sid, [0]]));
  readonly errors: string[] = [];
  done = 0;
  last = 0;

  note([verb, sid = "", word]: readonly string[]): void {
    const value = word === "null" ? null : Number(word);
    const values = this.#values.get(sid) ?? [];
    if (verb === "write") {
      values.push(value);
      this.last = Math.max(this.last, value ?? 0);
    } else if (verb === "done") {
      this.done++;
      this.#values.set(sid, [value]);
    } else if (verb === "missing") {
      if (!values.includes(null)) this.errors.push(`${sid} was missing`);
    } else this.errors.push([verb, sid].join(" "));
  }

  judge(sid: string, found: number | null): void {
    const values = this.#values.get(sid) ?? [];
    if (!values.includes(found)) this.errors.push(`${sid} is ${found}, not ${values.join(" or ")}`);
  }
}

/** Runs the process until it is killed, some time after so many changes. */
async function killMover(
  options: StoreOptions,
  possible: Possible,
  changes: number,
  random: Random,
): Promise<void> {
  const end = possible.done + changes;
  const args = [MOVER, JSON.stringify(options), String(COUNT), String(possible.last + 1)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  let isKilled = false;
  for await (const line of createInterface({ input: child.stdout })) {
    possible.note(line.split(" "));
    if (possible.done < end || isKilled) continue;
    isKilled = true;
    for (let turns = random.integer(300); turns > 0; turns--) await turn();
    child.kill("SIGKILL");
  }
  expect(await exited).toEqual([null, "SIGKILL"]);
}

describe.skipIf(!HAS_SERVER)(`a process is killed while sessions move (TEST_SEED=${SEED})`, () => {
  let server: Server;
  beforeAll(async () => {
    server = await Server.start({ config: ["appendonly yes", "appendfsync always"] });
  });
  afterAll(() => server.stop());

  interface Old {
    readonly option: object;
    readonly config: MigrationConfig;
  }

  async function files(): Promise<Old> {
    const directory = tempDirectory();
    const sessions = SIDS.map((sid) => ({ sid, json: sessionText(0), expiresAt: FAR }));
    await fileSessions(directory, sessions);
    return { option: { directory }, config: fromFiles(directory) };
  }

  function connectRedis(): Promise<Old> {
    storeManyAsConnectRedis(server, SIDS, sessionText(0), FAR);
    const option = { redis: server.url, layout: "connect-redis" };
    return Promise.resolve({ option, config: fromConnectRedis(server) });
  }

  it.each([
    ["files", files],
    ["connect-redis", connectRedis],
  ])("from %s", { timeout: TIMEOUT_MS }, async (name, old) => {
    const { option, config } = await old();
    const random = seededRandom(SEED);
    const possible = new Possible();
    const prefix = `killed ${name}:`;
    const options = {
      redis: { url: server.url, prefix },
      ...{ durable: true, failAfterMs: 10_000, migrateFrom: option },
    } as StoreOptions;
    for (let round = 0; round < ROUNDS; round++) {
      await killMover(options, possible, random.integer(60), random);
    }
    const overrides = { prefix, durable: true, failAfterMs: 500 };
    const engine = await openMoving(movingConfig(server, config, overrides));
    await untilDone(engine);
    const found = await engine.get(SIDS);
    for (const [index, sid] of SIDS.entries()) {
      const session = found[index] ?? null;
      const json = typeof session === "string" ? session : (session?.[0] ?? null);
      possible.judge(sid, json === null ? null : (JSON.parse(json) as { n: number }).n);
    }
    expect(possible.errors).toEqual([]);
    expect(possible.done).toBeGreaterThan(0);
  });
});
