/**
 * Notices that another program, such as a cleaner of logs, has deleted, moved, replaced or emptied
 * the files of the collection. What is acknowledged then would be lost, so they are written anew.
 */
import { StoreError } from "../../protocol/errors.js";
import type { Clock, Timer } from "../ports/clock.js";
import type { Files } from "../ports/files.js";
import type { Committer } from "./committer.js";
import type { Journal } from "./journal/journal.js";
import type { Keyring } from "./keys/keyring.js";
import type { CollectionPaths } from "./paths.js";

const LOOK_MS = 2500;

interface PresenceParts {
  readonly files: Files;
  readonly paths: CollectionPaths;
  readonly journal: Journal;
  readonly committer: Committer;
  readonly keyring: Keyring | null;
  readonly clock: Clock;
  /** Rejects if another process has taken over the collection, or its directory was deleted. */
  readonly assertOwned: () => Promise<void>;
  /** Length of the snapshot; 0 if there is none. */
  readonly snapshotBytes: () => number;
  /** Called when the files are no longer there; the journal is then not trusted. */
  readonly onAbsent: (error: StoreError) => void;
}

export class Presence {
  readonly #parts: PresenceParts;
  #timer: Timer | null = null;
  #stopped = false;
  /** Whether the files were gone when they were last looked for. */
  #gone = false;

  constructor(parts: PresenceParts) {
    this.#parts = parts;
  }

  /** Whether what was committed is in memory only: the files were gone, and are not written anew. */
  get isAbsent(): boolean {
    return this.#gone && !this.#parts.journal.trusted;
  }

  /** Looks from now on, at intervals. */
  start(): void {
    if (this.#stopped) return;
    this.#timer = this.#parts.clock.after(LOOK_MS, () => {
      void this.#look().finally(() => {
        this.start();
      });
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /**
   * Makes sure that what was committed is where the next opening looks for it. Only while nothing is
   * being committed.
   * @throws StoreError `STORE_IO`; the journal is then not trusted
   */
  async assert(): Promise<void> {
    const { files, paths, journal, keyring, snapshotBytes, assertOwned } = this.#parts;
    if (!journal.trusted) return;
    const isThere =
      (await journal.isInPlace(files)) &&
      (snapshotBytes() === 0 || (await files.identity(paths.snapshot)) !== null) &&
      // Without it the others cannot be read.
      (keyring === null || (await files.identity(paths.salt)) !== null);
    this.#gone = !isThere;
    if (isThere) return;
    journal.distrust(); // guard: presence, lost files are not written to
    await assertOwned();
    throw new StoreError(
      "STORE_IO",
      `another program has deleted, moved, replaced or emptied files of ${paths.directory}, which ` +
        "are now written anew from memory. Exclude that directory from whatever cleans up there",
    );
  }

  async #look(): Promise<void> {
    const { committer, journal, onAbsent } = this.#parts;
    try {
      await committer.exclusively(() => this.assert());
    } catch (error) {
      // Otherwise the look itself has failed, and the next one may succeed.
      if (!journal.trusted) onAbsent(error as StoreError);
    }
  }
}
