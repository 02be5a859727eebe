/**
 * Owns what a set costs that changes nothing behind the cookie: it is a touch, with no fsync of its
 * own, and is no safer than the write that it repeats.
 */
import { setImmediate as turn } from "node:timers/promises";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Write } from "../../src/protocol/contract.js";
import { FAR_MS, openBare } from "../support/bare-engine.js";
import { ManualClock } from "../support/manual-clock.js";
import { until } from "../support/until.js";
import { on } from "../support/watched-files.js";

const BODY = "the body of the session";

async function world() {
  const clock = new ManualClock();
  const later = clock.now() + FAR_MS;
  const { engine, disk, directory } = await openBare({ clock, userOf: "user" });
  const syncs: string[] = [];
  disk.onOperation = ({ kind, path }) => {
    if (kind === "sync") syncs.push(path);
  };
  return {
    engine,
    disk,
    clock,
    syncs,
    /** Stores the session with this cookie. */
    store: (
      cookie: number,
      more: { body?: string; user?: string; mode?: "put" | "update" } = {},
    ) => {
      const { body = BODY, user = "ann", mode = "update" } = more;
      const json = JSON.stringify({ cookie: { path: `/${cookie}`, text: '"}{\\' }, body });
      const write: Write = ["a", json, later + cookie, mode, user];
      return engine.write([write]);
    },
    journal: () => readFileSync(join(directory, "sessions.wal.log"), "utf8"),
    found: async () => {
      const [found] = await engine.get(["a"]);
      const [json, cookie] = [found].flat() as [string, string?];
      const session = JSON.parse(json) as { cookie: { path: string }; body: string };
      return cookie === undefined ? session.cookie : (JSON.parse(cookie) as { path: string });
    },
  };
}

describe("a set that changes nothing behind the cookie", () => {
  it.each(["update", "put"] as const)("is a touch (%s)", async (mode) => {
    const { store, journal, syncs, clock, found } = await world();
    await store(0, { mode: "put" });
    const before = journal();
    syncs.length = 0;
    for (let cookie = 1; cookie < 50; cookie++) expect(await store(cookie, { mode })).toEqual([1]);
    expect(await found()).toMatchObject({ path: "/49" });
    expect(journal()).toBe(before);
    expect(syncs).toEqual([]);
    await clock.advance(1000);
    await until(() => journal().length > before.length);
    const added = journal().slice(before.length);
    expect(added.trim().split("\n")).toHaveLength(1);
    expect(added).toContain('"/49"');
    expect(added).not.toContain(BODY);
  });

  it("shares the commit of the write that it repeats", async () => {
    const { store, disk, found } = await world();
    const fsync = disk.hold(on("sync", "wal.log"));
    const first = store(0, { mode: "put" });
    await until(() => fsync.waiting === 1);
    let isDone = false;
    const second = store(1).then((outcome) => {
      isDone = true;
      return outcome;
    });
    for (let n = 0; n < 50; n++) await turn();
    expect(isDone).toBe(false);
    fsync.release();
    expect(await Promise.all([first, second])).toEqual([[0], [1]]);
    expect(await found()).toMatchObject({ path: "/1" });
  });

  it("fails with the write that it repeats, and leaves what was before as it was", async () => {
    const { store, disk, found } = await world();
    await store(0, { mode: "put", body: "before" });
    const append = disk.hold(on("write", "wal.log"));
    disk.fail(on("write", "wal.log"), "ENOSPC");
    const first = store(1);
    await until(() => append.waiting === 1);
    const second = store(2);
    append.release();
    expect(await Promise.all([first, second])).toMatchObject([
      [{ code: "STORE_IO" }],
      [{ code: "STORE_IO" }],
    ]);
    expect(await found()).toMatchObject({ path: "/0" });
  });
});

describe("a set is written", () => {
  it.each<[string, object]>([
    ["that changes the session", { body: "another" }],
    ["that changes only whose it is", { user: "bob" }],
  ])("%s", async (_, more) => {
    const { store, journal, syncs } = await world();
    await store(0, { mode: "put" });
    const before = journal();
    syncs.length = 0;
    await store(0, more);
    expect(journal().length).toBeGreaterThan(before.length);
    expect(syncs).toHaveLength(1);
  });
});
