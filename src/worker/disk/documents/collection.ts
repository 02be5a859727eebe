/**
 * The sessions of a collection in memory, as far as they are committed: what the files say, and what
 * a snapshot of them must say. Knows no files and no expiry.
 */
import type { SessionDocument } from "./document.js";

export class Collection {
  readonly #sessions = new Map<string, SessionDocument>();
  /** How many changes led to this state: lite-nosql's `version`. */
  version = 0;

  /** How many sessions there are, expired or not. */
  get size(): number {
    return this.#sessions.size;
  }

  get(sid: string): SessionDocument | undefined {
    return this.#sessions.get(sid);
  }

  /** The sessions, in the order in which they were first stored. May be changed while it runs. */
  sessions(): IterableIterator<[sid: string, session: SessionDocument]> {
    return this.#sessions.entries();
  }

  put(sid: string, session: SessionDocument): void {
    this.version++;
    this.#sessions.set(sid, session);
  }

  delete(sid: string): void {
    this.version++;
    this.#sessions.delete(sid);
  }
}
