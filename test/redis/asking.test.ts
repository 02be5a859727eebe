/** Owns one question to a sentinel, or to a node of a cluster: how long it may take, and why it fails. */
import { EventEmitter, once } from "node:events";

import { beforeEach, expect, it, vi } from "vitest";

import type * as timers from "../../src/protocol/timers.js";
import type { RedisClient } from "../../src/worker/redis/driver.js";
import { ask } from "../../src/worker/redis/line.js";

const FAIL_AFTER_MS = 1000;

const { started } = vi.hoisted(() => ({ started: [] as { ms: number; end: () => void }[] }));

/** Time passes when a test says so. */
vi.mock("../../src/protocol/timers.js", async (original) => ({
  ...(await original<typeof timers>()),
  setTimeout: (end: () => void, ms: number) => started.push({ ms, end }),
  clearTimeout: () => undefined,
}));

/** A client whose server lets it in, and answers nothing. */
class Mute extends EventEmitter implements RedisClient {
  #reject: (error: Error) => void = () => undefined;

  connect(): Promise<unknown> {
    return Promise.resolve();
  }

  sendCommand(): Promise<unknown> {
    this.emit("asked");
    return new Promise((_, reject) => (this.#reject = reject));
  }

  /** As node-redis does: first the event, then what is unanswered is rejected with the same. */
  hangUp(error: Error): void {
    this.emit("error", error);
    this.#reject(error);
  }

  destroy(): void {
    this.#reject(new Error("Disconnects client"));
  }

  unref(): void {
    // It keeps nobody alive.
  }
}

function asking(client: RedisClient): Promise<unknown> {
  const redis = { failAfterMs: FAIL_AFTER_MS, tls: null, database: 0 };
  return ask(redis as never, () => client, { host: "a", port: 1 }, ["ROLE"]);
}

beforeEach(() => {
  started.length = 0;
});

it("has half the time of a call for the connection and the answer together", async () => {
  const client = new Mute();
  const asked = once(client, "asked");
  const failed = expect(asking(client)).rejects.toThrow("Disconnects client");
  await asked;
  expect(started.map(({ ms }) => ms)).toEqual([FAIL_AFTER_MS / 2]);
  started[0]?.end();
  await failed;
});

it("fails for the reason that the client gives", async () => {
  const client = new Mute();
  const asked = once(client, "asked");
  const failed = expect(asking(client)).rejects.toThrow("Socket closed unexpectedly");
  await asked;
  client.hangUp(new Error("Socket closed unexpectedly"));
  await failed;
});
