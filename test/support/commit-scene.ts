/** Owns a committer by itself, over a journal in memory whose appends a test lets through. */
import { StoreError } from "../../src/protocol/errors.js";
import { Committer } from "../../src/worker/disk/committer.js";
import { Collection } from "../../src/worker/disk/documents/collection.js";
import type { SessionDocument } from "../../src/worker/disk/documents/document.js";
import { Journal } from "../../src/worker/disk/journal/journal.js";
import { PendingWrites } from "../../src/worker/disk/pending-writes.js";
import { ManualClock } from "./manual-clock.js";
import { MemoryFiles } from "./memory-files.js";

/** Nothing expires before. */
export const LATER = Date.UTC(2040, 0, 1);

export function session(number: number): SessionDocument {
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

export function describeLine(line: string): string {
  const { op, id, doc } = JSON.parse(line) as { op: string; id: string; doc?: { sess: object } };
  return doc === undefined ? `${op} ${id}` : `${op} ${id} ${JSON.stringify(doc.sess)}`;
}

export async function scene(durable = true) {
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

export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
