/**
 * Owns what is read where the files hold more than fits into memory: everything that has not expired,
 * whatever the journal did to it later, or nothing and what to do about it.
 */
import { describe, expect, it } from "vitest";
import {
  documentText,
  memoryOf,
  type SessionDocument,
} from "../../src/worker/disk/documents/document.js";
import {
  deleteRecord,
  encodeLine,
  insertRecord,
  touchRecord,
} from "../../src/worker/disk/journal/record.js";
import { Executed } from "../../src/worker/disk/executed.js";
import { load, type Loaded } from "../../src/worker/disk/loading.js";
import { SnapshotWriter } from "../../src/worker/disk/snapshot/snapshot-writer.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryFiles } from "../support/memory-files.js";

const NOW = Date.UTC(2030, 0, 1);
const LIVE = NOW + 1;
const TEXT = JSON.stringify({ text: "x".repeat(500) });
const ONE = memoryOf("s0000", session(LIVE));

function session(expiresAt: number, json = TEXT): SessionDocument {
  return { json, cookie: null, expiresAt };
}

function sids(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, n) => `s${String(from + n).padStart(4, "0")}`);
}

/** Loads a snapshot of these sessions and a journal of these records. */
async function loaded(
  snapshot: readonly (readonly [sid: string, session: SessionDocument])[],
  records: readonly string[],
  { fit, total }: { fit: number; total: number },
): Promise<Loaded> {
  const files = new MemoryFiles();
  const snapshotFile = await files.open("/snapshot", "create");
  const writer = new SnapshotWriter(snapshotFile, null, 1, NOW);
  for (const [sid, stored] of snapshot) writer.add(sid, documentText(sid, stored));
  await writer.finish();
  const journalFile = await files.open("/journal", "create");
  const lines = records.map((record) => `${encodeLine(record, null)}\n`).join("");
  await journalFile.write(Buffer.from(lines), 0);
  return load({
    snapshotFile,
    journalFile,
    keyring: null,
    executed: new Executed(new ManualClock()),
    now: NOW,
    fallbackExpiry: LIVE,
    limits: {
      maxBytes: fit * ONE,
      reserveBytes: 0,
      totalBytes: 0,
      openingBytes: total * ONE,
      remedy: "",
    },
  });
}

function idsOf({ collection }: Loaded): string[] {
  return [...collection.sessions()].map(([sid]) => sid).sort();
}

const ROOM = { fit: 50, total: 60 };

describe("where all sessions fit", () => {
  it("the expired ones are read as well, and deleted later", async () => {
    const stored = sids(0, 50).map((sid, n) => [sid, session(n < 25 ? NOW : LIVE)] as const);
    const result = await loaded(stored, [], ROOM);
    expect(idsOf(result)).toEqual(sids(0, 50));
    expect(result.isPartial).toBe(false);
  });
});

describe("where only the live ones fit", () => {
  it.each([
    ["in the snapshot", (all: readonly string[]) => [all, []] as const],
    ["in the journal", (all: readonly string[]) => [[], all] as const],
    ["in both", (all: readonly string[]) => [all.slice(0, 500), all.slice(400)] as const],
  ])("they are read, %s", async (_, split) => {
    const expiryOf = (sid: string): number => (sid.endsWith("7") ? LIVE : NOW);
    const [first, later] = split(sids(0, 500));
    const result = await loaded(
      first.map((sid) => [sid, session(expiryOf(sid))]),
      later.map((sid) => insertRecord(NOW, sid, session(expiryOf(sid)))),
      ROOM,
    );
    expect(idsOf(result)).toEqual(sids(0, 500).filter((sid) => sid.endsWith("7")));
    expect(result.isPartial).toBe(true);
  });

  it("one counts as what the journal has made of it in the end", async () => {
    const expired = sids(0, 500).map((sid) => [sid, session(NOW)] as const);
    const result = await loaded(
      [...expired, ["ended", session(LIVE)], ["deleted", session(LIVE)]],
      [
        touchRecord(NOW, "s0001", { ...session(LIVE), cookie: '{"path":"/"}' }),
        touchRecord(NOW, "s0002", session(LIVE)),
        touchRecord(NOW, "s0002", session(NOW)),
        insertRecord(NOW, "s0003", session(LIVE, '{"new":1}')),
        insertRecord(NOW, "s0004", session(LIVE)),
        deleteRecord(NOW, "s0004"),
        deleteRecord(NOW, "s0005"),
        insertRecord(NOW, "s0005", session(LIVE, '{"again":1}')),
        touchRecord(NOW, "ended", session(NOW)),
        deleteRecord(NOW, "deleted"),
      ],
      ROOM,
    );
    expect(idsOf(result)).toEqual(["s0001", "s0003", "s0005"]);
    expect(result.collection.get("s0001")).toMatchObject({ json: TEXT, cookie: '{"path":"/"}' });
    expect(result.collection.get("s0003")).toMatchObject({ json: '{"new":1}' });
    expect(result.collection.get("s0005")).toMatchObject({ json: '{"again":1}' });
  });

  it("it is the same with a serializer's texts and ids that need an escape", async () => {
    const opaque = JSON.stringify("opaque".repeat(100));
    const all = sids(0, 500).map(
      (sid, n) => [`"${sid}"`, session(n % 50 === 0 ? LIVE : NOW, n % 2 ? TEXT : opaque)] as const,
    );
    const result = await loaded(all, [], ROOM);
    expect(idsOf(result)).toEqual(sids(0, 500).flatMap((sid, n) => (n % 50 ? [] : [`"${sid}"`])));
  });
});

it("the version goes on from that of the snapshot, with each record of the journal", async () => {
  const records = [insertRecord(NOW, "new", session(LIVE)), deleteRecord(NOW, "old")];
  const old = ["old", "older", "oldest"].map((sid) => [sid, session(LIVE)] as const);
  const result = await loaded(old, records, ROOM);
  expect(result.snapshot).toMatchObject({ version: 1 });
  expect(result.collection.version).toBe(3);
});

describe("where not even the live ones fit", () => {
  it("counts each as what it is in the end", async () => {
    const all = sids(0, 300).map((sid) => [sid, session(LIVE)] as const);
    const again = all.map(([sid, stored]) => insertRecord(NOW, sid, stored));
    const records = [...again, deleteRecord(NOW, "s0000"), deleteRecord(NOW, "s0299")];
    const error = await loaded(all, records, ROOM).catch((thrown: unknown) => thrown);
    expect((error as Error).message).toContain(String(298 * ONE));
  });

  it("opening fails, and names how much there is and what to do", async () => {
    const all = sids(0, 300).map((sid) => [sid, session(LIVE)] as const);
    const error = await loaded(all, [], ROOM).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "STORE_FULL" });
    expect((error as Error).message).toContain(String(300 * ONE));
    expect((error as Error).message).toContain("resourceLimits");
  });

  it("there is some more room for opening than for new sessions", async () => {
    const all = sids(0, 55).map((sid) => [sid, session(LIVE)] as const);
    expect(idsOf(await loaded(all, [], ROOM))).toEqual(sids(0, 55));
  });
});
