/**
 * Owns the deaths of the worker: in each way that a thread can die, every call settles, what was
 * acknowledged stays, what was not is sent again in order, and somebody is told.
 */
import { EventEmitter } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { reporter } from "../../src/main/reporter.js";
import { FAR_MS } from "../support/bare-engine.js";
import { until } from "../support/until.js";
import {
  beginAnew,
  deathsBy,
  fixture,
  HEALTHY,
  host,
  MAX_SPAWNS,
  sessions,
  settleDown,
  type Subject,
  text,
  texts,
} from "../support/worker/mortal-host.js";
import { threads } from "../support/worker/watched-workers.js";

vi.mock("node:worker_threads", async (original) => {
  const { watchWorkers } = await import("../support/worker/watched-workers.js");
  return watchWorkers(await original());
});

beforeEach(beginAnew);

afterEach(() => {
  vi.restoreAllMocks();
});

/** Ends each worker that hangs on the session `poison <name> …`. */
function terminateHung(subject: Subject, name: string): void {
  let terminated = 0;
  const timer = setInterval(() => {
    if (deathsBy(subject, name) === terminated) return;
    terminated++;
    void threads.spawned.at(-1)?.terminate();
  }, 5);
  onTestFinished(() => clearInterval(timer));
}

/** Young objects few at a time: what they add to a full heap at once must not abort the process. */
const LITTLE = { maxOldGenerationSizeMb: 48, maxYoungGenerationSizeMb: 2 };

const WAYS = [
  "exit",
  "exit-meanwhile",
  "timer-throws",
  "unhandled-rejection",
  "out-of-memory",
  "hangs",
];

describe.each(WAYS)("a worker that dies: %s", (way) => {
  function start(): Subject {
    if (way === "out-of-memory") threads.options = { resourceLimits: LITTLE };
    const subject = host(fixture(way));
    if (way === "hangs") terminateHung(subject, "once");
    if (way === "hangs") terminateHung(subject, "always");
    return subject;
  }

  it("loses nothing, and what was not acknowledged is sent again in order", async () => {
    const subject = start();
    const { engine, config, reports } = subject;
    await engine.write(sessions(["kept", "k"], ["gone", "g"], ["changed", "before"]));
    await engine.write([["gone"]]);

    const outcomes = await Promise.all([
      engine.write(sessions(["changed", "first"], ["a", "a"])),
      engine.write(sessions(["poison once 1", "p"])),
      engine.write(sessions(["changed", "second"])),
      texts(engine, "changed", "a"),
      engine.write([["a"]]),
      texts(engine, "a", "kept", "gone"),
      engine.touch([["kept", null, Date.now() + 2 * FAR_MS]]),
      engine.length(),
    ]);
    expect(outcomes[3]).toEqual([text("second"), text("a")]);
    expect(outcomes[5]).toEqual([null, text("k"), null]);
    expect(outcomes.slice(6)).toEqual([[true], 3]);
    expect(deathsBy(subject, "once")).toBe(1);
    expect(threads.spawned).toHaveLength(2);
    expect(reports).toEqual(["WORKER_EXITED"]);

    await engine.close();
    const { engine: next } = host(HEALTHY, { directory: config.disk.directory });
    const sids = ["kept", "gone", "changed", "a", "poison once 1"];
    expect(await texts(next, ...sids)).toEqual([text("k"), null, text("second"), null, text("p")]);
  });

  it("a call that kills it each time fails, and the others go on", async () => {
    const subject = start();
    const { engine, reports } = subject;
    await engine.write(sessions(["kept", "k"]));
    await expect(engine.write(sessions(["poison always 9", "p"]))).rejects.toMatchObject({
      code: "WORKER_EXITED",
    });
    expect(await texts(engine, "kept")).toEqual([text("k")]);
    expect(await engine.write(sessions(["kept", "l"]))).toEqual([1]);
    expect(deathsBy(subject, "always")).toBe(2);
    expect(threads.spawned).toHaveLength(3);
    expect(reports).toEqual(["WORKER_EXITED", "WORKER_EXITED"]);
  });
});

describe("a worker that dies", () => {
  it("while it closes: what was written before is there, and no lock is", async () => {
    const { engine, config, file } = host(fixture("exit"));
    const written = engine.write(sessions(["poison once 1", "p"], ["a", "a"]));
    await engine.close();
    expect(await written).toEqual([0, 0]);
    expect(existsSync(file("sessions.lock"))).toBe(false);
    const { engine: next } = host(HEALTHY, { directory: config.disk.directory });
    expect(await texts(next, "a")).toEqual([text("a")]);
  });

  it("when it has closed: what it was asked meanwhile is refused", async () => {
    const { engine } = host(fixture("falls-silent"));
    const closing = engine.close();
    const refusal = expect(engine.get(["poison once 1"])).rejects.toMatchObject({
      code: "STORE_CLOSED",
    });
    await closing;
    await refusal;
  });

  it("while nobody waits, is replaced", async () => {
    const { engine, host: subject, reports } = host(HEALTHY);
    await subject.ready;
    await threads.spawned[0]?.terminate();
    await until(() => threads.spawned.length === 2);
    expect(reports).toEqual(["WORKER_EXITED"]);
    expect(await engine.length()).toBe(0);
  });

  it("while nobody waits, and cannot be replaced, is reported as given up", async () => {
    const shown = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const { host: subject, reports, file } = host(fixture("while-opening"), { debug: true });
    await subject.ready;
    writeFileSync(file("broken"), "");
    shown.mockClear();
    await threads.spawned[0]?.terminate();
    await until(() => reports.length === 2);
    expect(reports).toEqual(["WORKER_EXITED", "WORKER_EXITED"]);
    expect(threads.spawned).toHaveLength(MAX_SPAWNS);
    // Each death and, between them, each attempt; at last, that there is no other.
    expect(shown.mock.calls).toHaveLength(2 * MAX_SPAWNS);
    await settleDown();
    expect(reports).toHaveLength(2);
  });

  it("is an error event where somebody listens, each time", async () => {
    const emitter = new EventEmitter();
    const heard: unknown[] = [];
    emitter.on("error", ({ code }: { code: unknown }) => heard.push(code));
    const { engine } = host(fixture("exit"), {}, reporter(emitter));
    await engine.write(sessions(["poison twice 2", "p"])).catch(() => undefined);
    await until(() => heard.length === 2);
    expect(heard).toEqual(["WORKER_EXITED", "WORKER_EXITED"]);
  });

  it("is else one warning of the process", async () => {
    const warnings: unknown[] = [];
    const hear = (warning: Error & { code?: unknown }): void => {
      if (warning.name === "SessionStoreWarning") warnings.push(warning.code);
    };
    process.on("warning", hear);
    onTestFinished(() => void process.off("warning", hear));
    const { engine } = host(fixture("exit"), {}, reporter(new EventEmitter()));
    await engine.write(sessions(["poison twice 2", "p"])).catch(() => undefined);
    await settleDown();
    expect(warnings).toEqual(["WORKER_EXITED"]);
  });
});
