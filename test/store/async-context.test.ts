/**
 * Owns that a store does not live in the async context of the request that made it or revived it:
 * its errors are reported outside of any, while callbacks stay in the context of their call.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { writeFileSync } from "node:fs";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { hostInline } from "../../src/main/hosts/inline-host.js";
import { configOf } from "../support/bare-engine.js";
import { openStore, sessionOf } from "../support/opened-store.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";
import { beginAnew, fixture, host, MAX_SPAWNS, REST_MS } from "../support/worker/mortal-host.js";
import { passTime } from "../support/passing-time.js";
import { threads } from "../support/worker/watched-workers.js";
import { listenerTo } from "../support/listener.js";

vi.mock("node:worker_threads", async (original) => {
  const { watchWorkers } = await import("../support/worker/watched-workers.js");
  return watchWorkers(await original());
});

vi.mock("../../src/protocol/timers.js", async (original) => {
  const { withPassingTime } = await import("../support/passing-time.js");
  return withPassingTime(await original());
});

const request = new AsyncLocalStorage<string>();

/** A report, and the requests in whose contexts it was called. */
function listener(): { report: () => void; heardIn: unknown[] } {
  const heardIn: unknown[] = [];
  return { report: () => void heardIn.push(request.getStore()), heardIn };
}

describe("an error that nobody waits for is reported outside of the request", () => {
  it("that made the store of a worker", async () => {
    beginAnew();
    const { report, heardIn } = listener();
    const { host: made } = request.run("made", () => host(fixture("exit"), {}, report));
    await made.ready;
    await threads.spawned[0]?.terminate();
    await until(() => heardIn.length > 0);
    expect(heardIn).toEqual([undefined]);
  });

  it("that made the worker anew", async () => {
    beginAnew();
    const { report, heardIn } = listener();
    const { engine, file } = host(fixture("once-open"), {}, report);
    await expect(engine.length()).rejects.toMatchObject({ code: "WORKER_EXITED" });
    const last = await until(() => threads.spawned[MAX_SPAWNS - 1] ?? false);
    await new Promise((resolve) => last.once("exit", resolve));
    writeFileSync(file("healed"), "");
    passTime(REST_MS);
    await request.run("revived", () => engine.length());
    heardIn.length = 0;
    await threads.spawned[MAX_SPAWNS]?.terminate();
    await until(() => heardIn.length > 0);
    expect(new Set(heardIn)).toEqual(new Set([undefined]));
  });

  it("that made the store on the calling thread", async () => {
    const { report, heardIn } = listener();
    const config = configOf({});
    const { disk } = config;
    writeFileSync(`${disk.directory}/${disk.collection}.wal.log`, "a damaged line\n{}\n");
    const { ready, engine } = request.run("made", () => hostInline(config, listenerTo(report)));
    await ready;
    onTestFinished(() => engine.close());
    expect(heardIn).toEqual([undefined]);
  });
});

it.each([true, false])(
  "callbacks are called in that of their call: isolate %s",
  async (isolate) => {
    const store = request.run("made", () => openStore({ directory: tempDirectory(), isolate }));
    const seen = await Promise.all(
      ["one", "two"].map((name) =>
        request.run(
          name,
          () =>
            new Promise((resolve) => {
              store.set(name, sessionOf({}), () => {
                store.get(name, () => resolve([name, request.getStore()]));
              });
            }),
        ),
      ),
    );
    expect(seen).toEqual([
      ["one", "one"],
      ["two", "two"],
    ]);
  },
);
