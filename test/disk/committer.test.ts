/**
 * Owns when a write counts as done: what is visible when, what waits together, what a failure takes
 * back, and what runs between commits. `committer-touch.test.ts` has the touches.
 */
import { describe, expect, it } from "vitest";
import type { PendingWrite } from "../../src/worker/disk/pending-write.js";
import { describeLine, LATER, scene, session, turns } from "../support/commit-scene.js";

describe("a write", () => {
  it("is visible at once, and part of the collection when it is on the disk", async () => {
    const { journal, collection, put, shown } = await scene();
    journal.held = true;
    const writing = put("a", 1);
    expect(shown("a")).toBe('{"n":1}');
    expect(collection.size).toBe(0);
    await turns();
    expect(collection.size).toBe(0);
    journal.letOne();
    await writing;
    expect(collection.get("a")?.json).toBe('{"n":1}');
  });

  it.each([true, false])("is synced if it is to be durable: %s", async (durable) => {
    const { journal, put } = await scene(durable);
    await put("a", 1);
    expect(journal.synced).toEqual([durable]);
  });

  it("waits with all that come meanwhile, in their order: one append for all", async () => {
    const { journal, put, remove, committer, events } = await scene();
    journal.held = true;
    const done: string[] = [];
    const writes = [put("a", 1).then(() => done.push("a"))];
    await turns();
    for (let number = 0; number < 50; number++) {
      writes.push(put(`s${number}`, number).then(() => done.push(`s${number}`)));
    }
    writes.push(remove("s7").then(() => done.push("no s7")));
    journal.letOne();
    await turns();
    journal.letOne();
    await Promise.all(writes);
    expect(journal.appends).toHaveLength(2);
    // What the files never had needs no record to go away.
    expect(journal.appends[1]).toHaveLength(49);
    expect(done).toEqual(["a", ...Array.from({ length: 50 }, (_, n) => `s${n}`), "no s7"]);
    expect(events).toEqual(["commit", "commit"]);
    expect(committer.stats()).toMatchObject({ count: 2, records: 50, failed: 0 });
  });

  it("of one id after another leaves the last, in memory and on disk", async () => {
    const { put, remove, shown, files } = await scene();
    await Promise.all([put("a", 1), put("a", 2), remove("a"), put("a", 3)]);
    expect(shown("a")).toBe('{"n":3}');
    const lines = files.content("/journal").toString().trim().split("\n");
    expect(lines.map((line) => describeLine(line))).toEqual([
      'insert a {"n":1}',
      'insert a {"n":3}',
    ]);
  });

  it("of nothing is done at once", async () => {
    const { committer, journal } = await scene();
    await committer.write([]);
    expect(journal.appends).toEqual([]);
  });
});

describe("a call with many megabytes of writes", () => {
  const MEBIBYTE = 1024 * 1024;
  const sids = Array.from({ length: 400 }, (_, n) => `s${n}`);
  const json = `"${"x".repeat(20_000)}"`;
  const many = (): PendingWrite[] => sids.map((sid) => ({ sid, session: { ...session(1), json } }));

  it("is appended in slices with turns for calls in between, and synced once", async () => {
    const { journal, committer, collection, shown } = await scene();
    journal.held = true;
    const writing = committer.write(many());
    for (let slices = 1; collection.size === 0; slices++) {
      await turns(1);
      expect(journal.appends).toHaveLength(slices);
      expect(journal.appends.at(-1)!.length * json.length).toBeLessThan(MEBIBYTE);
      expect(shown("s399")).toBe(json);
      journal.letOne();
      await turns(1);
    }
    await writing;
    expect(journal.appends.length).toBeGreaterThan(8);
    expect(journal.appends.flat()).toHaveLength(sids.length);
    expect(journal.synced).toEqual([true]);
  });

  it("leaves nothing behind where one of its slices fails", async () => {
    const { journal, committer, put, shown, files } = await scene();
    await put("s0", 7);
    const before = files.content("/journal");
    journal.held = true;
    const writing = committer.write(many());
    for (let slice = 0; slice < 3; slice++) {
      await turns(1);
      journal.letOne();
    }
    await turns(1);
    journal.fault = "write";
    journal.letOne();
    await expect(writing).rejects.toMatchObject({ code: "STORE_IO" });
    expect(files.content("/journal")).toEqual(before);
    expect([shown("s0"), shown("s1")]).toEqual(['{"n":7}', undefined]);
  });

  it("does not swallow a touch that is made after its session's turn", async () => {
    const { journal, committer, clock } = await scene();
    journal.held = true;
    const writing = committer.write(many());
    await turns(1);
    committer.touch("s0", null, LATER + 5000);
    committer.touch("s399", null, LATER + 5000);
    journal.held = false;
    journal.letOne();
    await writing;
    await clock.advance(1000);
    expect(journal.appends.at(-1)).toEqual(["update s0"]);
  });

  it("is one of several commits where others wait with it", async () => {
    const { journal, committer } = await scene();
    await Promise.all(
      sids.map((sid) => committer.write([{ sid, session: { ...session(1), json } }])),
    );
    expect(journal.synced.length).toBeGreaterThan(1);
    expect(journal.synced.length).toBeLessThan(6);
  });
});

describe("a write that fails", () => {
  it("shows the value before it again, with all that waited with it", async () => {
    const { journal, put, remove, shown, committer, files } = await scene();
    await put("a", 1);
    const before = files.content("/journal");
    journal.fault = "write";
    const writes = [put("a", 2), put("a", 3), remove("b"), put("c", 4)];
    expect([shown("a"), shown("c")]).toEqual(['{"n":3}', '{"n":4}']);
    for (const write of writes) await expect(write).rejects.toMatchObject({ code: "STORE_IO" });
    expect([shown("a"), shown("c")]).toEqual(['{"n":1}', undefined]);
    expect(committer.mayHave("c")).toBe(false);
    expect(files.content("/journal")).toEqual(before);
    journal.fault = null;
    await put("a", 5);
    expect(shown("a")).toBe('{"n":5}');
    expect(committer.stats()).toMatchObject({ failed: 1 });
  });

  it("does not take back a later one of the same id", async () => {
    const { journal, put, shown } = await scene();
    journal.held = true;
    journal.fault = "write";
    const first = put("a", 1);
    await turns();
    const second = put("a", 2);
    journal.letOne();
    await expect(first).rejects.toMatchObject({ code: "STORE_IO" });
    expect(shown("a")).toBe('{"n":2}');
    journal.fault = null;
    journal.letOne();
    await turns();
    journal.letOne();
    await second;
    expect(shown("a")).toBe('{"n":2}');
  });

  it("in its fsync has all later ones refused, until the journal is another", async () => {
    const { journal, put, shown, committer, events, files } = await scene();
    await put("a", 1);
    journal.fault = "sync";
    await expect(put("a", 2)).rejects.toMatchObject({ code: "STORE_IO" });
    expect(events).toEqual(["commit", "distrust"]);
    journal.fault = null;
    await expect(put("b", 3)).rejects.toMatchObject({ code: "STORE_IO" });
    expect(shown("a")).toBe('{"n":1}');
    expect(committer.refusal).toMatchObject({ code: "STORE_IO" });
    journal.replace(await files.open("/another", "update"), 0);
    committer.resume();
    await put("b", 4);
    expect(shown("b")).toBe('{"n":4}');
  });

  it("of a task that leaves the journal in doubt has all later ones refused", async () => {
    const { journal, put, committer, shown } = await scene();
    const failed = committer.exclusively(() => {
      journal.distrust();
      return Promise.reject(new Error("the fsync failed"));
    });
    const late = put("a", 1);
    await expect(failed).rejects.toThrow("the fsync failed");
    await expect(late).rejects.toMatchObject({ code: "STORE_IO" });
    expect(journal.appends).toEqual([]);
    expect(shown("a")).toBeUndefined();
  });

  it("since it cannot be encoded concerns nobody else", async () => {
    const { committer, put, shown } = await scene();
    const broken = {
      ...session(1),
      get cookie(): null {
        throw new RangeError("Invalid string length");
      },
    };
    const write = committer.write([{ sid: "broken", session: broken }]);
    await expect(write).rejects.toThrow();
    await put("a", 1);
    expect(shown("a")).toBe('{"n":1}');
  });
});

describe("a task", () => {
  it("runs after what came before it and before what comes after, alone", async () => {
    const { journal, put, committer, shown } = await scene();
    const order: string[] = [];
    const before = put("a", 1).then(() => order.push("before"));
    const task = committer.exclusively(async () => {
      order.push("task begins");
      expect(shown("b")).toBe('{"n":2}');
      await turns();
      expect(journal.appends).toHaveLength(1);
      order.push("task ends");
      return 7;
    });
    const after = put("b", 2).then(() => order.push("after"));
    expect(await task).toBe(7);
    await Promise.all([before, after]);
    expect(order).toEqual(["before", "task begins", "task ends", "after"]);
  });

  it("that fails fails alone", async () => {
    const { put, committer, shown } = await scene();
    const task = committer.exclusively(() => Promise.reject(new Error("the task")));
    const write = put("a", 1);
    await expect(task).rejects.toThrow("the task");
    await write;
    expect(shown("a")).toBe('{"n":1}');
  });

  it("comes after the touches that were to be journaled before it", async () => {
    const { journal, put, committer } = await scene();
    await put("a", 1);
    committer.touch("a", null, LATER + 5000);
    committer.flushTouches();
    await committer.exclusively(() => {
      expect(journal.appends).toHaveLength(2);
      return Promise.resolve();
    });
  });
});
