/**
 * The pace of a compaction: commits go on while it writes, but wait where they would outrun it. So
 * it ends, however much is written meanwhile, and in the room that there is.
 */
import type { Committer } from "./committer.js";
import type { Journal } from "./journal/journal.js";
import type { Room } from "./disk-room.js";

/** The most by which the journal may grow for each byte that a compaction writes. */
const MAX_GROWTH = 1 / 4;
/** The most by which it may grow before that counts. */
const MAX_HEAD_START_BYTES = 256 * 1024;

export class Pace {
  readonly #committer: Committer;
  readonly #journal: Journal;
  readonly #growth: number;
  /** A longer journal has outrun what has been written so far. */
  #limit: number;

  /** @param from the length of the journal when the compaction began */
  constructor(committer: Committer, journal: Journal, from: number, room: Room) {
    this.#committer = committer;
    this.#journal = journal;
    // What is written meanwhile is for a time in both journals. With these limits it takes half of
    // what the snapshot leaves, and commits that were already on their way have the other half.
    const spare = (room.free - room.snapshot) / 2;
    this.#growth = Math.min(MAX_GROWTH, spare / 4 / room.snapshot);
    this.#limit = from + Math.min(MAX_HEAD_START_BYTES, spare / 8);
  }

  /**
   * Writes a file in parts.
   * @param write writes the next part; resolves to its length, or 0 if there is none
   */
  async writeAll(write: () => Promise<number>): Promise<void> {
    for (let more = true; more;) {
      more = this.#isOutrun()
        ? await this.#committer.exclusively(() => this.#catchUp(write))
        : await this.#writePart(write);
    }
  }

  async #catchUp(write: () => Promise<number>): Promise<boolean> {
    let more = true;
    while (more && this.#isOutrun()) more = await this.#writePart(write);
    return more;
  }

  async #writePart(write: () => Promise<number>): Promise<boolean> {
    const bytes = await write();
    this.#limit += bytes * this.#growth;
    return bytes > 0;
  }

  #isOutrun(): boolean {
    return this.#journal.length > this.#limit;
  }
}
