/**
 * Files that answer in time. An operation that takes longer than a limit fails. Until it has been
 * answered after all the disk stands still: every other operation fails at once, so that what needs
 * many of them ends as soon.
 */
import { StoreError } from "../../protocol/errors.js";
import { setImmediate } from "../../protocol/timers.js";
import type { Clock } from "./clock.js";
import type { FileIdentity, Files, OpenFile, OpenMode } from "./files.js";

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

export class TimedFiles implements Files {
  readonly #files: Files;
  readonly #clock: Clock;
  #limitMs = Infinity;
  #watcher: Watcher | null = null;
  #overdue = 0;
  #standing: NoAnswerError | null = null;

  constructor(files: Files, clock: Clock) {
    this.#files = files;
    this.#clock = clock;
  }

  get isInOrder(): boolean {
    return this.#files.isInOrder ?? false;
  }

  /** Limits the operations that begin from now on. @param watcher null if nobody is to be told */
  limit(ms: number, watcher: Watcher | null): void {
    this.#limitMs = ms;
    this.#watcher = watcher;
  }

  /** Why operations fail at once, or null. */
  get standing(): NoAnswerError | null {
    return this.#standing;
  }

  createDirectory(path: string): Promise<void> {
    return this.timed(() => this.#files.createDirectory(path));
  }

  open(path: string, mode: OpenMode): Promise<OpenFile> {
    const open = async (): Promise<OpenFile> =>
      new TimedFile(this, await this.#files.open(path, mode));
    return this.timed(open, (file) => void file.close().catch(() => undefined));
  }

  rename(from: string, to: string): Promise<void> {
    return this.timed(() => this.#files.rename(from, to));
  }

  link(existing: string, path: string): Promise<void> {
    return this.timed(() => this.#files.link(existing, path));
  }

  remove(path: string): Promise<void> {
    return this.timed(() => this.#files.remove(path));
  }

  list(path: string): Promise<string[]> {
    return this.timed(() => this.#files.list(path));
  }

  syncDirectory(path: string): Promise<void> {
    return this.timed(() => this.#files.syncDirectory(path));
  }

  identity(path: string): Promise<FileIdentity | null> {
    return this.timed(() => this.#files.identity(path));
  }

  freeSpace(directory: string): Promise<number | null> {
    return this.timed(() => this.#files.freeSpace(directory));
  }

  /**
   * Starts an operation and waits for it, within the limit.
   * @param late called with a result that came too late
   */
  timed<T>(operation: () => Promise<T>, late?: (result: T) => void): Promise<T> {
    if (this.#standing !== null) return Promise.reject(this.#standing);
    const answer = operation();
    return this.within(answer, () => {
      this.#overdue++;
      if (this.#standing === null) {
        this.#standing = new NoAnswerError(this.#limitMs);
        this.#watcher?.onStanding(this.#standing);
      }
      answer
        .then(late, () => undefined)
        .finally(() => {
          this.#answered();
        });
      return this.#standing;
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

  #answered(): void {
    if (--this.#overdue > 0) return;
    this.#standing = null;
    this.#watcher?.onAnswering();
  }
}

class TimedFile implements OpenFile {
  readonly #files: TimedFiles;
  readonly #file: OpenFile;
  readonly #pending = new Set<Promise<unknown>>();

  constructor(files: TimedFiles, file: OpenFile) {
    this.#files = files;
    this.#file = file;
  }

  size(): Promise<number> {
    return this.#timed(() => this.#file.size());
  }

  identity(): Promise<FileIdentity> {
    return this.#timed(() => this.#file.identity());
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return this.#timed(() => this.#file.read(target, position));
  }

  write(bytes: Uint8Array, position: number): Promise<void> {
    return this.#timed(() => this.#file.write(bytes, position));
  }

  writeThrough(bytes: Uint8Array, position: number): Promise<void> {
    return this.#timed(() => this.#file.writeThrough(bytes, position));
  }

  truncate(length: number): Promise<void> {
    return this.#timed(() => this.#file.truncate(length));
  }

  sync(): Promise<void> {
    return this.#timed(() => this.#file.sync());
  }

  /** Closes it even while the disk stands still, as soon as it no longer does. */
  close(): Promise<void> {
    // Before, an operation under way could reach another file that is given the same descriptor.
    const closed = Promise.allSettled(this.#pending).then(() => this.#file.close());
    const { standing } = this.#files;
    if (standing === null) return this.#files.within(closed);
    closed.catch(() => undefined);
    return Promise.reject(standing);
  }

  #timed<T>(operation: () => Promise<T>): Promise<T> {
    return this.#files.timed(() => {
      const answer = operation();
      this.#pending.add(answer);
      const done = (): void => void this.#pending.delete(answer);
      answer.then(done, done);
      return answer;
    });
  }
}
