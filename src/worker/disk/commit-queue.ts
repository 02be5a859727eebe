/** What waits for the journal, in the order in which it was asked for, and one thing at a time. */
import type { StoreError } from "../../protocol/errors.js";
import type { PendingWrite } from "./pending-writes.js";

/** Commits are encoded in one go, while calls wait: a few milliseconds' worth. */
export const MAX_COMMIT_WRITES = 2048;

/** Writes that were made together and share their fate. */
export interface Group {
  readonly writes: readonly PendingWrite[];
  /** Answers the call that made them. */
  readonly answer: (error?: StoreError) => void;
}

/** Something to do between two commits. It does not fail. */
type Task = () => Promise<void>;

export class CommitQueue {
  readonly #commit: (groups: readonly Group[]) => Promise<void>;
  #items: (Group | Task)[] = [];
  #running = false;
  /** Whether a commit is due though no write waits. */
  #commitDue = false;

  /** @param commit commits what waited together; it does not fail */
  constructor(commit: (groups: readonly Group[]) => Promise<void>) {
    this.#commit = commit;
  }

  push(item: Group | Task): void {
    this.#items.push(item);
    this.#start();
  }

  /** Commits next, even if no write waits: there are touches. */
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

  /** What is committed together: the groups before the first task, up to a number of writes. */
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
