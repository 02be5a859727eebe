/**
 * Owns when a write counts as done: what is visible when, what waits together, what a failure takes
 * back, and what runs between commits.
 */
import { describe, expect, it } from "vitest";
import { StoreError } from "../../src/protocol/errors.js";
import { Collection } from "../../src/worker/disk/documents/collection.js";
import { Committer } from "../../src/worker/disk/committer.js";
import type { SessionDocument } from "../../src/worker/disk/documents/document.js";
import { PendingWrites } from "../../src/worker/disk/pending-writes.js";
import { Journal } from "../../src/worker/disk/journal/journal.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryFiles } from "../support/memory-files.js";

/** Nothing expires before. */
const LATER = Date.UTC(2040, 0, 1);

function session(number: number): SessionDocument {
  return { json: `{"n":${number}}`, cookie: null, expiresAt: LATER + number };
}

/** A journal whose appends a test lets through one by one. */
class HeldJournal extends Journal {
  readonly appends: string[][] = [];
  readonly synced: boolean[] = [];
  readonly #waiting: (() => void)[] = [];
  held = false;
  fault: "write" | "sync" | null = null;

  override async append(lines: Uint8Array, sync: boolean): Promise<void> {
    const ids = Buffer.from(lines).toString().trim().split("\n");
    this.appends.push(ids.map((line) => describeLine(line)));
    this.synced.push(sync);
    if (this.held) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.fault === "sync") this.distrust();
    if (this.fault !== null) throw new StoreError("STORE_IO", this.fault);
    return super.append(lines, sync);
  }

  letOne(): void {
    this.#waiting.shift()?.();
  }
}

function describeLine(line: string): string {
  const { op, id, doc } = JSON.parse(line) as { op: string; id: string; doc?: { sess: object } };
  return doc === undefined ? `${op} ${id}` : `${op} ${id} ${JSON.stringify(doc.sess)}`;
}

async function scene(durable = true) {
  const files = new MemoryFiles();
  const journal = new HeldJournal("/journal", await files.open("/journal", "update"), 0);
  const collection = new Collection();
  const clock = new ManualClock();
  const events: string[] = [];
  const pending = new PendingWrites(collection);
  const committer = new Committer({
    collection,
    pending,
    journal,
    keyring: null,
    clock,
    durable,
    assertOwned: () => Promise.resolve(),
    onCommit: () => events.push("commit"),
    onDistrust: () => events.push("distrust"),
    onTouchFailure: () => events.push("touch failure"),
  });
  const put = (sid: string, number: number): Promise<void> =>
    committer.write([{ sid, session: session(number) }]);
  const remove = (sid: string): Promise<void> => committer.write([{ sid, session: null }]);
  const shown = (sid: string): string | undefined => pending.visible(sid)?.json;
  return { files, journal, collection, pending, clock, events, committer, put, remove, shown };
}

async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

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
    expect(describeLine(lines.at(-1)!)).toBe('insert a {"n":3}');
  });

  it("of nothing is done at once", async () => {
    const { committer, journal } = await scene();
    await committer.write([]);
    expect(journal.appends).toEqual([]);
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
      get json(): string {
        throw new RangeError("Invalid string length");
      },
    };
    const write = committer.write([{ sid: "broken", session: broken }]);
    await expect(write).rejects.toThrow();
    await put("a", 1);
    expect(shown("a")).toBe('{"n":1}');
  });
});

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

  it("has the touches before it journaled", async () => {
    const { journal, put, committer } = await scene();
    await put("a", 1);
    committer.touch("a", null, LATER + 5000);
    await committer.exclusively(() => {
      expect(journal.appends).toHaveLength(2);
      return Promise.resolve();
    });
  });
});
