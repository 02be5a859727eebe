/** Owns when a touch is visible and when it is journaled: with the next write, or soon by itself. */
import { describe, expect, it } from "vitest";
import { LATER, scene, turns } from "../support/commit-scene.js";

describe("a touch", () => {
  it("shows at once, and rides along with the next write", async () => {
    const { journal, put, committer, pending, collection, clock } = await scene();
    await put("a", 1);
    committer.touch("a", '{"p":1}', LATER + 5000);
    expect(pending.visible("a")).toMatchObject({ cookie: '{"p":1}', expiresAt: LATER + 5000 });
    expect(collection.get("a")).toMatchObject({ expiresAt: LATER + 5000 });
    await turns();
    expect(journal.appends).toHaveLength(1);
    await put("b", 2);
    expect(journal.appends[1]).toEqual(['insert b {"n":2}', "update a"]);
    await clock.advance(2000);
    expect(journal.appends).toHaveLength(2);
  });

  it("is journaled within a second where there is no write, once for each id", async () => {
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
    const flushed = committer.exclusively(() => Promise.resolve());
    await turns();
    journal.letOne();
    await flushed;
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
