/**
 * Owns what goes on while an fsync is under way: reads are answered, touches are acknowledged,
 * writes wait and share the next one.
 */
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Batcher } from "../../src/main/batch.js";
import type { Touch, Write } from "../../src/protocol/contract.js";
import { FAR_MS, openBare } from "../support/bare-engine.js";
import { until } from "../support/until.js";
import { on } from "../support/watched-files.js";

/** A session that does not expire, as a write. */
function session(sid: string, text = sid): Write {
  return [sid, JSON.stringify({ text }), Date.now() + FAR_MS];
}

function touch(sid: string): Touch {
  return [sid, null, Date.now() + FAR_MS];
}

describe("while an fsync is under way", () => {
  it("gets are answered and touches acknowledged, and the write is not", async () => {
    const { engine, disk } = await openBare();
    const batch = new Batcher(engine, 1e9);
    await batch.write(session("old"));
    const fsync = disk.hold(on("sync", "wal.log"));
    let acknowledged = false;
    const written = batch.write(session("new")).then(() => (acknowledged = true));
    await until(() => fsync.waiting === 1);

    expect(await batch.get("new")).toBe('{"text":"new"}');
    expect(await batch.get("old")).toBe('{"text":"old"}');
    expect(await batch.touch(touch("old"))).toBe(true);
    expect(await batch.touch(touch("new"))).toBe(true);
    expect(await engine.length()).toBe(2);
    expect((await engine.ids()).sort()).toEqual(["new", "old"]);
    expect((await engine.stats()).sessions).toBe(2);
    for (let turns = 0; turns < 50; turns++) await turn();
    expect(acknowledged).toBe(false);

    fsync.release();
    await written;
    expect(acknowledged).toBe(true);
  });

  it("writes made meanwhile share the next one", async () => {
    const { engine, disk } = await openBare();
    let fsyncs = 0;
    disk.onOperation = ({ kind }) => {
      if (kind === "sync") fsyncs++;
    };
    const fsync = disk.hold(on("sync", "wal.log"));
    const first = engine.write([session("first")]);
    await until(() => fsync.waiting === 1);
    const others = Array.from({ length: 50 }, (_, index) =>
      engine.write([session(`sid ${index}`)]),
    );
    fsync.release();
    await Promise.all([first, ...others]);
    expect(fsyncs).toBe(2);
  });

  it("a write that fails leaves what was before it, and those after it stand", async () => {
    const { engine, disk } = await openBare();
    await engine.write([session("a", "before")]);
    const append = disk.hold(on("write", "wal.log"));
    const mend = disk.fail(on("write", "wal.log"), "ENOSPC");
    const failed = engine.write([session("a", "failed"), session("b")]);
    await until(() => append.waiting === 1);
    const later = engine.write([session("c")]);
    expect(await engine.get(["a", "b", "c"])).toEqual(
      ["failed", "b", "c"].map((text) => JSON.stringify({ text })),
    );
    const second = disk.hold(on("write", "wal.log"));
    append.release();
    expect(await failed).toMatchObject([{ code: "STORE_IO" }, { code: "STORE_IO" }]);
    await until(() => second.waiting === 1);
    mend();
    second.release();
    expect(await later).toEqual([0]);
    expect(await engine.get(["a", "b", "c"])).toEqual([
      JSON.stringify({ text: "before" }),
      null,
      JSON.stringify({ text: "c" }),
    ]);
  });

  it("a touch stays when the write that it came after fails", async () => {
    const { engine, disk } = await openBare();
    const first = disk.hold(on("sync", "wal.log"));
    const stored = engine.write([session("a", "first")]);
    await until(() => first.waiting === 1);
    const failed = engine.write([session("a", "failed")]);
    expect(await engine.touch([["a", '{"path":"/touched"}', Date.now() + FAR_MS]])).toEqual([true]);
    disk.fail(on("write", "wal.log"), "ENOSPC");
    first.release();
    expect(await stored).toEqual([0]);
    expect(await failed).toMatchObject([{ code: "STORE_IO" }]);
    expect(await engine.get(["a"])).toEqual([[session("", "first")[1], '{"path":"/touched"}']]);
  });
});
