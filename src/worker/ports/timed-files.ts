/**
 * Files that answer in time. An operation that takes longer than a limit fails. Until it has been
 * answered after all the disk stands still: every other operation fails at once, so that what needs
 * many of them ends as soon.
 */
import { StoreError } from "../../protocol/errors.js";
import { setImmediate } from "../../protocol/timers.js";
import type { Clock } from "./clock.js";
import type { Files, OpenFile } from "./files.js";

/** `STORE_IO`: the disk has not answered. Whether the operation takes effect is unknown. */
export class NoAnswerError extends StoreError {
  constructor(limitMs: number) {
    super("STORE_IO", `the disk has not answered for ${limitMs} ms (option maxPendingMs)`);
  }
}

interface Watcher {
  /** Called when the disk begins to stand still. */
  readonly onStanding: (error: NoAnswerError) => void;
  /** Called when it has answered everything after all. */
  readonly onAnswering: () => void;
}

export interface TimedFiles extends Files {
  readonly isInOrder: boolean;
  /** Limits the operations that begin from now on. @param watcher null if nobody is to be told */
  limit(ms: number, watcher: Watcher | null): void;
  /** Why operations fail at once, or null. */
  readonly standing: NoAnswerError | null;
}

export function timedFiles(files: Files, clock: Clock): TimedFiles {
  const time = new TimeLimit(clock);
  const closeLate = (file: OpenFile): void => void file.close().catch(() => undefined);
  return {
    isInOrder: files.isInOrder ?? false,
    limit: (ms, watcher) => {
      time.limit(ms, watcher);
    },
    get standing() {
      return time.standing;
    },
    createDirectory: (path) => time.timed(() => files.createDirectory(path)),
    open: (path, mode) =>
      time.timed(async () => timedFile(await files.open(path, mode), time), closeLate),
    rename: (from, to) => time.timed(() => files.rename(from, to)),
    link: (existing, path) => time.timed(() => files.link(existing, path)),
    remove: (path) => time.timed(() => files.remove(path)),
    list: (path) => time.timed(() => files.list(path)),
    syncDirectory: (path) => time.timed(() => files.syncDirectory(path)),
    identity: (path) => time.timed(() => files.identity(path)),
    freeSpace: (directory) => time.timed(() => files.freeSpace(directory)),
  };
}

class TimeLimit {
  readonly #clock: Clock;
  #limitMs = Infinity;
  #watcher: Watcher | null = null;
  #overdue = 0;
  standing: NoAnswerError | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  limit(ms: number, watcher: Watcher | null): void {
    this.#limitMs = ms;
    this.#watcher = watcher;
  }

  /**
   * Starts an operation and waits for it, within the limit.
   * @param late called with a result that came too late
   */
  timed<T>(operation: () => Promise<T>, late?: (result: T) => void): Promise<T> {
    if (this.standing !== null) return Promise.reject(this.standing);
    const answer = operation();
    return this.within(answer, () => {
      this.#overdue++;
      if (this.standing === null) {
        this.standing = new NoAnswerError(this.#limitMs);
        this.#watcher?.onStanding(this.standing);
      }
      answer
        .then(late, () => undefined)
        .finally(() => {
          if (--this.#overdue > 0) return;
          this.standing = null;
          this.#watcher?.onAnswering();
        });
      return this.standing;
    });
  }

  /** Waits for an answer within the limit, after which it rejects with `onLate`'s error. */
  within<T>(
    answer: Promise<T>,
    onLate = (): Error => new NoAnswerError(this.#limitMs),
  ): Promise<T> {
    if (this.#limitMs === Infinity) return answer;
    return new Promise((resolve, reject) => {
      let isAnswered = false;
      const timer = this.#clock.after(this.#limitMs, () => {
        // The answer may be there already, if it was the thread that stood still.
        setImmediate(() => {
          if (!isAnswered) reject(onLate());
        });
      });
      const answered = (): void => {
        isAnswered = true;
        timer.cancel();
      };
      answer.then(answered, answered);
      answer.then(resolve, reject);
    });
  }
}

function timedFile(file: OpenFile, time: TimeLimit): OpenFile {
  const pending = new Set<Promise<unknown>>();
  const timed = <T>(operation: () => Promise<T>): Promise<T> =>
    time.timed(() => {
      const answer = operation();
      pending.add(answer);
      const done = (): void => void pending.delete(answer);
      answer.then(done, done);
      return answer;
    });
  return {
    size: () => timed(() => file.size()),
    identity: () => timed(() => file.identity()),
    read: (target, position) => timed(() => file.read(target, position)),
    write: (bytes, position) => timed(() => file.write(bytes, position)),
    writeThrough: (bytes, position) => timed(() => file.writeThrough(bytes, position)),
    truncate: (length) => timed(() => file.truncate(length)),
    sync: () => timed(() => file.sync()),
    // Even while the disk stands still, as soon as it no longer does.
    close: () => {
      // Before, an operation under way could reach another file that is given the same descriptor.
      const closed = Promise.allSettled(pending).then(() => file.close());
      const { standing } = time;
      if (standing === null) return time.within(closed);
      closed.catch(() => undefined);
      return Promise.reject(standing);
    },
  };
}
