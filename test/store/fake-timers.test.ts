/**
 * Owns that the timers of a test do not stop a store: it behaves as MemoryStore does, whose timers
 * are real ones too. In children for what cannot be faked in a process of the test runner.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import session from "express-session";
import LiteNoSQLStore from "express-session-isolate";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { invoke } from "../conformance/subject.js";
import { openStore, sessionOf } from "../support/opened-store.js";
import { tempDirectory } from "../support/temp-dir.js";

const HOUR_MS = 3_600_000;

describe("timers that never fire, in place of all that can be faked", () => {
  it.each(["imported.mjs", "required.cjs"])("do not stop a store: %s", async (program) => {
    const file = fileURLToPath(new URL(`../fixtures/timers/${program}`, import.meta.url));
    const ended = await promisify(execFile)(process.execPath, [file, tempDirectory()]);
    const calls = (...counts: number[]) => counts.map((count) => ["ann", count, "ann"]);
    expect(JSON.parse(ended.stdout)).toEqual([
      ...[...calls(1, 3), 4, null],
      ...[...calls(5, 7), 8, null],
      ...calls(1),
    ]);
  });
});

describe("vi.useFakeTimers", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  const STORES: [string, () => session.Store][] = [
    ["MemoryStore", () => new session.MemoryStore()],
    ["isolate: true", () => openStore({ directory: tempDirectory(), isolate: true })],
    ["isolate: false", () => openStore({ directory: tempDirectory(), isolate: false })],
  ];

  it.each(STORES)("does not stop calls of %s", async (_, open) => {
    const store = open();
    const data = { cookie: { path: "/" }, user: "ann" };
    const call = (method: string, ...args: unknown[]) => invoke(store, "callback", method, args);
    const first = call("set", "a", data);
    // By then it has been sent. It has not been answered: that takes a turn of the event loop.
    await new Promise((resolve) => process.nextTick(resolve));
    await Promise.all([first, call("set", "b", data), call("get", "a")]);
    await call("touch", "a", data);
    expect(await call("get", "a")).toEqual(data);
    await call("destroy", "b");
    expect(await call("length")).toBe(1);
  });

  it("does not stop opening, closing and warnings", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockReturnValue(undefined);
    onTestFinished(() => warned.mockRestore());
    for (const isolate of [true, false]) {
      const directory = tempDirectory();
      const store = new LiteNoSQLStore({ directory, isolate });
      await store.ready;
      const second = openStore({ directory, isolate, share: false });
      await expect(second.get("a")).rejects.toMatchObject({ code: "STORE_LOCKED" });
      await store.close();
    }
    await vi.waitFor(() => {
      expect(warned).toHaveBeenCalledTimes(2);
    });
  });

  it("moves the clock by which sessions expire on the calling thread", async () => {
    const store = openStore({ directory: tempDirectory(), isolate: false, ttlMs: HOUR_MS });
    await store.set("a", sessionOf({ user: "ann" }));
    vi.setSystemTime(Date.now() + HOUR_MS - 1);
    expect(await store.get("a")).toMatchObject({ user: "ann" });
    vi.setSystemTime(Date.now() + 1);
    expect(await store.get("a")).toBeNull();
  });
});
