/** Owns a committer by itself, over a journal in memory whose appends a test lets through. */
import { StoreError } from "../../src/protocol/errors.js";
import { Committer } from "../../src/worker/disk/committer.js";
import { Collection } from "../../src/worker/disk/documents/collection.js";
import type { SessionDocument } from "../../src/worker/disk/documents/document.js";
import { Executed } from "../../src/worker/disk/executed.js";
import { Journal } from "../../src/worker/disk/journal/journal.js";
import { Lifetime } from "../../src/worker/disk/lifetime.js";
import type { NoAnswerError } from "../../src/worker/ports/timed-files.js";
import { PendingWrites } from "../../src/worker/disk/pending-writes.js";
import { ManualClock } from "./manual-clock.js";
import { MemoryFiles } from "./memory-files.js";

/** Sessions live as long as they are touched. */
export const UNLIMITED = new Lifetime({ absoluteTtlMs: null, hasUsers: false });

/** Nothing expires before. */
export const LATER = Date.UTC(2040, 0, 1);

/** Longer than that nothing waits for its commit. */
export const MAX_PENDING_MS = 10_000;

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

  override async append(...args: Parameters<Journal["append"]>): Promise<void> {
    await this.#meet(args[0]);
    return super.append(...args);
  }

  override async commit(...args: Parameters<Journal["commit"]>): Promise<void> {
    const [lines, sync] = args;
    if (lines.length > 0) await this.#meet(lines);
    this.synced.push(sync);
    if (this.fault === "sync") {
      this.distrust();
      throw new StoreError("STORE_IO", this.fault);
    }
    return super.commit(...args);
  }

  async #meet(lines: Uint8Array): Promise<void> {
    const ids = Buffer.from(lines).toString().trim().split("\n");
    this.appends.push(ids.map((line) => describeLine(line)));
    if (this.held) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.fault === "write") throw new StoreError("STORE_IO", this.fault);
  }

  letOne(): void {
    this.#waiting.shift()?.();
  }
}

export function describeLine(line: string): string {
  const { op, id, doc } = JSON.parse(line) as { op: string; id: string; doc?: { sess: object } };
  return doc === undefined ? `${op} ${id}` : `${op} ${id} ${JSON.stringify(doc.sess)}`;
}

export async function scene(durable = true, lifetime = UNLIMITED) {
  const files = new MemoryFiles();
  const journal = new HeldJournal("/journal", await files.open("/journal", "update"), 0);
  const collection = new Collection();
  const clock = new ManualClock();
  const events: string[] = [];
  const disk: { standing: NoAnswerError | null } = { standing: null };
  const pending = new PendingWrites(collection, lifetime);
  const executed = new Executed(clock);
  const committer = new Committer({
    collection,
    pending,
    journal,
    keyring: null,
    clock,
    isDurable: () => durable,
    disk,
    maxPendingMs: MAX_PENDING_MS,
    assertOwned: () => Promise.resolve(),
    executed,
    fence: null,
    makeRoom: () => Promise.resolve(false),
    onCommit: () => events.push("commit"),
    onDistrust: () => events.push("distrust"),
    onTouchFailure: () => events.push("touch failure"),
  });
  const put = (sid: string, number: number): Promise<void> =>
    committer.write([{ sid, session: session(number) }]);
  const remove = (sid: string): Promise<void> => committer.write([{ sid, session: null }]);
  const shown = (sid: string): string | undefined => pending.visible(sid)?.json;
  return {
    disk,
    files,
    journal,
    collection,
    pending,
    clock,
    events,
    committer,
    executed,
    put,
    remove,
    shown,
  };
}

export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
