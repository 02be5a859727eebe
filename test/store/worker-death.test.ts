/**
 * Owns the deaths of the worker: in each way that a thread can die, every call settles, what was
 * acknowledged stays, what was not is sent again in order, and no death becomes a loop.
 */
import { existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { EventEmitter } from "node:events";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { Worker, WorkerOptions } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { WorkerHost } from "../../src/main/hosts/worker-host.js";
import { reporter } from "../../src/main/reporter.js";
import type { EngineConfig } from "../../src/protocol/config.js";
import type { Engine } from "../../src/protocol/contract.js";
import type { Report } from "../../src/protocol/errors.js";
import { type BareOptions, configOf, FAR_MS } from "../support/bare-engine.js";
import { until } from "../support/until.js";

/**
 * Every worker that was spawned, whether the next can be, and what a test adds to its options and to
 * time.
 */
const threads = vi.hoisted(() => {
  const spawned: Worker[] = [];
  const options: WorkerOptions = {};
  return { spawned, options, refused: false, passedMs: 0 };
});

vi.mock("node:worker_threads", async (importOriginal) => {
  const original = await importOriginal<typeof import("node:worker_threads")>();
  class WatchedWorker extends original.Worker {
    constructor(url: URL, options: WorkerOptions) {
      if (threads.refused) throw new Error("no more threads");
      super(url, { ...options, ...threads.options });
      threads.spawned.push(this);
    }
  }
  return { ...original, Worker: WatchedWorker };
});

const HEALTHY = new URL("../../dist/worker.js", import.meta.url);
/** The first spawn, and all attempts to replace a worker before the host gives up. */
const MAX_SPAWNS = 6;
/** Longer than the host rests after giving up, and than a worker must live to count as well. */
const REST_MS = 11_000;

function fixture(name: string): URL {
  return new URL(`../fixtures/deaths/${name}.js`, import.meta.url);
}

interface Subject {
  readonly host: WorkerHost;
  readonly engine: Engine;
  readonly config: EngineConfig;
  readonly reports: unknown[];
  readonly file: (name: string) => string;
}

/** A host of a worker of this file, over a directory of its own unless one is given. */
function host(file: URL, options: BareOptions = {}, report?: Report<Error>): Subject {
  const config = configOf(options);
  const reports: unknown[] = [];
  const subject = new WorkerHost({
    file,
    config,
    report: report ?? ((error: Error & { code?: unknown }) => reports.push(error.code)),
  });
  subject.ready.catch(() => undefined);
  const close = subject.engine.close.bind(subject.engine);
  let closing: Promise<void> | null = null;
  // A store closes its host once.
  subject.engine.close = () => (closing ??= close());
  onTestFinished(() => subject.engine.close());
  return {
    host: subject,
    engine: subject.engine,
    config,
    reports,
    file: (name) => join(config.disk.directory, name),
  };
}

/** Ids and texts of sessions that never expire, as writes. */
function sessions(...entries: [sid: string, text: string][]): [string, string, number][] {
  return entries.map(([sid, text]) => [sid, `{"text":"${text}"}`, Date.now() + FAR_MS]);
}

async function texts(engine: Engine, ...sids: string[]): Promise<unknown[]> {
  const found = await engine.get(sids);
  return found.map((json) => (json === null ? null : (JSON.parse(String(json)) as unknown)));
}

const text = (value: string): unknown => ({ text: value });

/** Moves the clock that the host measures lives and rests by. */
function passTime(ms: number): void {
  threads.passedMs += ms;
}

/** Lets everything happen that is only a matter of turns. */
async function settleDown(): Promise<void> {
  for (let turns = 0; turns < 200; turns++) await turn();
}

const now = performance.now.bind(performance);

beforeEach(() => {
  threads.spawned.length = 0;
  threads.options = {};
  threads.refused = false;
  threads.passedMs = 0;
  vi.spyOn(performance, "now").mockImplementation(() => now() + threads.passedMs);
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** How often the session `poison <name> …` has killed a worker. */
function deathsBy({ file }: Subject, name: string): number {
  return statSync(file(`${name}.deaths`), { throwIfNoEntry: false })?.size ?? 0;
}

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
    if (way === "out-of-memory")
      threads.options = { resourceLimits: { maxOldGenerationSizeMb: 48 } };
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

describe("a worker that cannot start", () => {
  it.each([
    ["does not parse", new URL("data:text/javascript,this is no program")],
    ["throws", new URL("data:text/javascript,throw new Error()")],
    ["exits", new URL("data:text/javascript,process.exit()")],
    ["is not there", fixture("no-such-file")],
  ])("because its file %s: every call fails, and it is not tried again", async (_, url) => {
    const { host: subject, engine } = host(url);
    const early = engine.get(["a"]);
    const failure = { code: "WORKER_EXITED" };
    await expect(early).rejects.toMatchObject(failure);
    await expect(subject.ready).rejects.toMatchObject(failure);
    passTime(REST_MS);
    await expect(engine.write([["a"]])).rejects.toMatchObject(failure);
    await settleDown();
    expect(threads.spawned).toHaveLength(1);
    await engine.close();
  });

  it("for a while: calls wait, and are answered when it can", async () => {
    const { engine, host: subject, file } = host(fixture("while-opening"));
    await subject.ready;
    await engine.write(sessions(["kept", "k"]));
    writeFileSync(file("broken"), "");
    await threads.spawned[0]?.terminate();
    const waiting = Promise.all([texts(engine, "kept"), engine.write(sessions(["new", "n"]))]);
    await until(() => threads.spawned.length === 3);
    rmSync(file("broken"));
    expect(await waiting).toEqual([[text("k")], [0]]);
  });
});

describe("a worker that dies again and again", () => {
  /** A host that has given up. */
  async function giveUp(): Promise<Subject> {
    const subject = host(fixture("once-open"));
    await expect(subject.engine.length()).rejects.toMatchObject({ code: "WORKER_EXITED" });
    const last = await until(() => threads.spawned[MAX_SPAWNS - 1] ?? false);
    await new Promise((resolve) => last.once("exit", resolve));
    return subject;
  }

  it("ends in errors, not in a loop", async () => {
    const { engine, reports } = await giveUp();
    const failure = { code: "WORKER_EXITED" };
    await expect(engine.get(["a"])).rejects.toMatchObject(failure);
    await expect(engine.write([["a"]])).rejects.toMatchObject(failure);
    await settleDown();
    expect(threads.spawned).toHaveLength(MAX_SPAWNS);
    expect(new Set(reports)).toEqual(new Set(["WORKER_EXITED"]));
    await engine.close();
  });

  it("is tried again after a rest, once", async () => {
    const { engine } = await giveUp();
    passTime(REST_MS);
    await expect(engine.get(["poison here 9"])).rejects.toMatchObject({ code: "WORKER_EXITED" });
    await settleDown();
    expect(threads.spawned).toHaveLength(MAX_SPAWNS + 1);
    await expect(engine.get(["a"])).rejects.toMatchObject({ code: "WORKER_EXITED" });
    expect(threads.spawned).toHaveLength(MAX_SPAWNS + 1);
  });

  it("is as good as new when it lives after a rest", async () => {
    const { engine, file } = await giveUp();
    writeFileSync(file("healed"), "");
    passTime(REST_MS);
    expect(await engine.write(sessions(["a", "a"]))).toEqual([0]);
    expect(await texts(engine, "a")).toEqual([text("a")]);
  });

  it("and cannot be started after a rest: calls fail, and the next rest ends too", async () => {
    const { engine, file } = await giveUp();
    passTime(REST_MS);
    threads.refused = true;
    await expect(engine.get(["a"])).rejects.toMatchObject({ code: "WORKER_EXITED" });
    threads.refused = false;
    await expect(engine.get(["a"])).rejects.toMatchObject({ code: "WORKER_EXITED" });
    writeFileSync(file("healed"), "");
    passTime(REST_MS);
    expect(await texts(engine, "a")).toEqual([null]);
  });

  it("leaves no lock to a later store of the same process", async () => {
    const { engine, config } = await giveUp();
    await engine.close();
    const next = host(HEALTHY, { directory: config.disk.directory });
    await expect(next.host.ready).resolves.toBeUndefined();
  });

  it("but lives long in between, is always replaced", async () => {
    const { engine } = host(fixture("exit"));
    for (let death = 1; death <= MAX_SPAWNS + 2; death++) {
      await engine.write(sessions([`poison death${death} 1`, "p"]));
      passTime(REST_MS);
    }
    expect(threads.spawned).toHaveLength(MAX_SPAWNS + 3);
    expect(await engine.length()).toBe(MAX_SPAWNS + 2);
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
