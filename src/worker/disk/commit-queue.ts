/**
 * Serializes commits and other uses of the journal, in the order in which they were requested. What
 * changes sessions waits while nothing can be committed, but not for longer than it may.
 */
import type { StoreError } from "../../protocol/errors.js";
import type { Clock, Timer } from "../ports/clock.js";
import type { PendingWrite } from "./pending-write.js";

/** A commit of more bytes is not filled up further, so that its writes need not wait for long. */
const MAX_COMMIT_BYTES = 4 * 1024 * 1024;
/** What a record has besides its text. */
const RECORD_BYTES = 100;

/** Writes of one call: all of them succeed or fail. */
export interface Group {
  readonly writes: readonly PendingWrite[];
  /** Whether it waits, rather than fails, while writes are refused. */
  readonly isPatient: boolean;
  /** Settle the call. */
  readonly resolve: () => void;
  readonly reject: (error: StoreError) => void;
}

/** Runs between two commits. */
interface Task {
  /** Must not reject. */
  readonly run: () => Promise<void>;
  /** Of a task that changes sessions: called instead of `run` if that cannot be waited for. */
  readonly giveUp?: (error: StoreError) => void;
}

interface CommitQueueParts {
  readonly clock: Clock;
  /** How long a change of sessions may wait. */
  readonly maxPendingMs: number;
  /** Whether nothing can be committed at the moment. */
  readonly isHeld: () => boolean;
  /** Writes groups that were waiting together. Must not reject. */
  readonly commit: (groups: readonly Group[]) => Promise<void>;
  /** Fails a group that has only waited. */
  readonly giveUp: (group: Group, error: StoreError) => void;
  /** Why what has waited for too long fails. */
  readonly lateError: () => StoreError;
}

interface Waiting {
  readonly item: Group | Task;
  readonly since: number;
}

export class CommitQueue {
  readonly #parts: CommitQueueParts;
  #waiting: Waiting[] = [];
  #running = false;
  /** Whether a commit is due even if no write is waiting. */
  #commitDue = false;
  #timer: Timer | null = null;

  constructor(parts: CommitQueueParts) {
    this.#parts = parts;
  }

  push(item: Group | Task): void {
    this.#waiting.push({ item, since: this.#parts.clock.monotonic() });
    this.#schedule();
    this.wake();
  }

  /** Makes a commit next, even if no write is waiting: there may be touches. */
  commitSoon(): void {
    this.#commitDue = true;
    this.wake();
  }

  /** For when what was held no longer is. */
  wake(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#run();
  }

  /** Fails what waits and changes sessions; with `impatient` only what does not wait then. */
  giveUp(which: "all" | "impatient", error: StoreError): void {
    this.#giveUp(
      ({ item }) => changesSessions(item) && (which === "all" || !isPatient(item)),
      error,
    );
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  async #run(): Promise<void> {
    const { isHeld, commit } = this.#parts;
    for (;;) {
      const groups = isHeld() ? [] : this.#takeGroups();
      if (groups.length > 0 || (this.#commitDue && !isHeld())) {
        this.#commitDue = false;
        await commit(groups);
        continue;
      }
      const task = this.#takeTask();
      if (task === undefined) break;
      await task.run();
    }
    this.#running = false;
    if (this.#waiting.length === 0) this.stop();
  }

  /** Takes the groups before the first task, up to the limit, to be committed together. */
  #takeGroups(): Group[] {
    const groups: Group[] = [];
    let bytes = 0;
    for (const { item } of this.#waiting) {
      if (!isGroup(item) || bytes >= MAX_COMMIT_BYTES) break;
      groups.push(item);
      for (const { session } of item.writes) bytes += RECORD_BYTES + (session?.json.length ?? 0);
    }
    this.#waiting.splice(0, groups.length);
    return groups;
  }

  /** Takes the first task; while changes of sessions are held, the first that is none. */
  #takeTask(): Task | undefined {
    const isHeld = this.#parts.isHeld();
    const index = this.#waiting.findIndex(({ item }) => !isHeld || !changesSessions(item));
    const [task] = index === -1 ? [] : this.#waiting.splice(index, 1);
    return task?.item as Task | undefined;
  }

  #giveUp(select: (waiting: Waiting) => boolean, error: StoreError): void {
    const given = this.#waiting.filter(select);
    this.#waiting = this.#waiting.filter((waiting) => !select(waiting));
    for (const { item } of given) {
      if (isGroup(item)) this.#parts.giveUp(item, error);
      else item.giveUp?.(error);
    }
  }

  /** Sees to it that what waits for too long fails. */
  #schedule(): void {
    if (this.#timer !== null) return;
    const first = this.#waiting.find(({ item }) => changesSessions(item));
    if (first === undefined) return;
    const { clock, maxPendingMs, lateError } = this.#parts;
    this.#timer = clock.after(first.since + maxPendingMs - clock.monotonic(), () => {
      this.#timer = null;
      const limit = clock.monotonic() - maxPendingMs;
      const isLate = ({ item, since }: Waiting): boolean => since <= limit && changesSessions(item);
      if (this.#waiting.some(isLate)) this.#giveUp(isLate, lateError());
      this.#schedule();
    });
  }
}

function isGroup(item: Group | Task): item is Group {
  return "writes" in item;
}

function changesSessions(item: Group | Task): boolean {
  return isGroup(item) || item.giveUp !== undefined;
}

function isPatient(item: Group | Task): boolean {
  return isGroup(item) && item.isPatient;
}
