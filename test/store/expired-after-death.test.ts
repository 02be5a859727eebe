/**
 * Owns the news of expired sessions where the worker dies: who wanted to know is told by the next
 * one too, and of nothing twice.
 */
import { expect, it, onTestFinished, vi } from "vitest";
import { WorkerHost } from "../../src/main/hosts/worker-host.js";
import type { ExpiredSession, Write } from "../../src/protocol/contract.js";
import { configOf } from "../support/bare-engine.js";
import { diskStats } from "../support/engine-world.js";
import { listenerTo } from "../support/listener.js";
import { until, untilPast } from "../support/until.js";
import { HEALTHY } from "../support/worker/mortal-host.js";
import { threads } from "../support/worker/watched-workers.js";

vi.mock("node:worker_threads", async (original) => {
  const { watchWorkers } = await import("../support/worker/watched-workers.js");
  return watchWorkers(await original());
});

it.each([[[]], [["a key of the test's own"]]])("with the keys %j", async (encryptionKey) => {
  threads.spawned.length = 0;
  const keys = encryptionKey.length === 0 ? {} : { encryptionKey };
  const told: ExpiredSession[] = [];
  const listener = listenerTo(
    () => undefined,
    (sessions) => told.push(...sessions),
  );
  const config = configOf({ ...keys, userOf: "user" });
  const { engine, ready } = new WorkerHost({ file: HEALTHY, config, listener });
  onTestFinished(() => engine.close());
  await ready;
  await engine.watchExpired();

  const first = Date.now() + 300;
  const second = first + 300;
  const session = (sid: string, expiresAt: number): Write => [sid, "{}", expiresAt, "put", "ann"];
  await engine.write([session("a", first), session("b", second), session("destroyed", second)]);
  await engine.write([["destroyed"]]);
  await untilPast(first);
  await engine.get(["a"]);
  await until(() => told.length === 1);

  await threads.spawned[0]?.terminate();
  await untilPast(second);
  await engine.get(["a", "b", "destroyed"]);
  expect(threads.spawned).toHaveLength(2);
  await until(() => told.length === 2);

  await threads.spawned[1]?.terminate();
  // The next one collects what has expired when it is opened.
  await until(async () => (await diskStats(engine)).gc !== null);
  expect(threads.spawned).toHaveLength(3);
  expect(told).toEqual([
    { id: "a", user: "ann", expiresAt: first },
    { id: "b", user: "ann", expiresAt: second },
  ]);
});
