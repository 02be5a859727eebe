/** Owns when a touch is visible and when it is journaled: once a second, whatever else is written. */
import { describe, expect, it } from "vitest";
import { LATER, scene, turns } from "../support/commit-scene.js";

describe("a touch", () => {
  it("shows at once, and waits to be due whatever is written meanwhile", async () => {
    const { journal, put, committer, pending, collection, clock } = await scene();
    await put("a", 1);
    committer.touch("a", '{"p":1}', LATER + 5000);
    expect(pending.visible("a")).toMatchObject({ cookie: '{"p":1}', expiresAt: LATER + 5000 });
    expect(collection.get("a")).toMatchObject({ expiresAt: LATER + 5000 });
    await put("b", 2);
    expect(journal.appends[1]).toEqual(['insert b {"n":2}']);
    await clock.advance(1000);
    expect(journal.appends.slice(2)).toEqual([["update a"]]);
  });

  it("has a record a second and session at most, however often it is made", async () => {
    const { journal, put, committer, clock } = await scene();
    const sids = Array.from({ length: 20 }, (_, n) => `touched ${n}`);
    await Promise.all(sids.map((sid, n) => put(sid, n)));
    journal.appends.length = 0;
    for (let n = 0; n < 500; n++) {
      for (const sid of sids) committer.touch(sid, null, LATER + n);
      const written = put(`s${n}`, n);
      for (const sid of sids) committer.touch(sid, null, LATER + 1000 + n);
      await written;
      await clock.advance(10);
    }
    const records = journal.appends.flat();
    expect(records.filter((record) => record.startsWith("insert"))).toHaveLength(500);
    for (const sid of sids) {
      const updates = records.filter((record) => record === `update ${sid}`).length;
      expect([4, 5]).toContain(updates);
    }
  });

  it("made while those before it wait for a slow disk waits a second of its own", async () => {
    const { journal, put, committer, clock } = await scene();
    await put("a", 1);
    journal.held = true;
    committer.touch("a", null, LATER + 5000);
    await clock.advance(900);
    const written = put("b", 2);
    await clock.advance(500);
    // Due, and not taken yet: this one goes along.
    committer.touch("a", null, LATER + 6000);
    journal.held = false;
    journal.letOne();
    await written;
    await turns();
    expect(journal.appends.slice(2)).toEqual([["update a"]]);
    committer.touch("a", null, LATER + 7000);
    await clock.advance(999);
    expect(journal.appends).toHaveLength(3);
    await clock.advance(1);
    expect(journal.appends).toHaveLength(4);
  });

  it("needs no record of its own where its session is written before it is due", async () => {
    const { journal, put, committer, clock, files } = await scene();
    await put("a", 1);
    const again = put("a", 2);
    committer.touch("a", '{"p":1}', LATER + 5000);
    await again;
    expect(files.content("/journal").toString()).toContain('{"p":1}');
    await clock.advance(5000);
    expect(journal.appends).toHaveLength(2);
  });

  it("is journaled within a second, once for each id", async () => {
    const { journal, put, committer, clock } = await scene();
    await put("a", 1);
    await put("b", 2);
    for (let number = 0; number < 10; number++) committer.touch("a", null, LATER + 5000 + number);
    committer.touch("b", null, LATER + 6000);
    await clock.advance(999);
    expect(journal.appends).toHaveLength(2);
    await clock.advance(1);
    expect(journal.appends[2]).toEqual(["update a", "update b"]);
    await clock.advance(5000);
    expect(journal.appends).toHaveLength(3);
  });

  it("of a session that is on its way needs no record of its own", async () => {
    const { journal, put, committer } = await scene();
    journal.held = true;
    const first = put("a", 1);
    await turns();
    const second = put("b", 2);
    committer.touch("b", '{"p":1}', LATER + 5000);
    journal.letOne();
    await turns();
    journal.letOne();
    await Promise.all([first, second]);
    expect(journal.appends[1]).toEqual(['insert b {"n":2,"cookie":{"p":1}}']);
  });

  it("made while its session's write is under way is journaled after it", async () => {
    const { journal, put, committer } = await scene();
    journal.held = true;
    const writing = put("a", 1);
    await turns();
    committer.touch("a", null, LATER + 5000);
    journal.letOne();
    await writing;
    journal.held = false;
    committer.flushTouches();
    await turns();
    expect(journal.appends[1]).toEqual(["update a"]);
  });

  it("that fails is tried again, and so is one that a failed write would have carried", async () => {
    const { journal, put, committer, pending, clock, events } = await scene();
    await put("a", 1);
    committer.touch("a", null, LATER + 5000);
    journal.fault = "write";
    await clock.advance(1000);
    expect(events).toContain("touch failure");
    await expect(put("a", 2)).rejects.toThrow();
    journal.fault = null;
    await clock.advance(1000);
    expect(journal.appends.at(-1)).toEqual(["update a"]);
    expect(pending.visible("a")).toMatchObject({ json: '{"n":1}', expiresAt: LATER + 5000 });
  });

  it("of a session that is then deleted leaves no trace", async () => {
    const { journal, put, remove, committer, clock } = await scene();
    await put("a", 1);
    committer.touch("a", null, LATER + 5000);
    await remove("a");
    await clock.advance(5000);
    expect(journal.appends.slice(1)).toEqual([["delete a"]]);
  });
});
