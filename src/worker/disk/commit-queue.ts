/** Serializes commits and other uses of the journal, in the order in which they were requested. */
import type { StoreError } from "../../protocol/errors.js";
import type { PendingWrite } from "./pending-writes.js";

/** A commit is encoded in one go while calls wait: this many writes take a few milliseconds. */
export const MAX_COMMIT_WRITES = 2048;

/** Writes of one call: all of them succeed or fail. */
export interface Group {
  readonly writes: readonly PendingWrite[];
  /** Settles the call. */
  readonly answer: (error?: StoreError) => void;
}

/** Runs between two commits. Must not reject. */
type Task = () => Promise<void>;

export class CommitQueue {
  readonly #commit: (groups: readonly Group[]) => Promise<void>;
  #items: (Group | Task)[] = [];
  #running = false;
  /** Whether a commit is due even if no write is waiting. */
  #commitDue = false;

  /** @param commit writes groups that were waiting together; must not reject */
  constructor(commit: (groups: readonly Group[]) => Promise<void>) {
    this.#commit = commit;
  }

  push(item: Group | Task): void {
    this.#items.push(item);
    this.#start();
  }

  /** Makes a commit next, even if no write is waiting: there may be touches. */
  commitSoon(): void {
    this.#commitDue = true;
    this.#start();
  }

  #start(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    for (;;) {
      const groups = this.#takeGroups();
      if (groups.length > 0 || this.#commitDue) {
        this.#commitDue = false;
        await this.#commit(groups);
        continue;
      }
      const next = this.#items.shift();
      if (typeof next !== "function") break;
      await next();
    }
    this.#running = false;
  }

  /** Takes the groups before the first task, up to the limit, to be committed together. */
  #takeGroups(): Group[] {
    const groups: Group[] = [];
    let writes = 0;
    for (const item of this.#items) {
      if (typeof item === "function" || writes >= MAX_COMMIT_WRITES) break;
      groups.push(item);
      writes += item.writes.length;
    }
    this.#items.splice(0, groups.length);
    return groups;
  }
}
