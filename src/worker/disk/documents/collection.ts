/** The committed sessions in memory: those that the files contain, expired or not. */
import type { SessionDocument } from "./document.js";

export class Collection {
  readonly #sessions = new Map<string, SessionDocument>();
  /** How many changes have been made so far; lite-nosql has the same counter. */
  version = 0;

  /** How many sessions there are, expired or not. */
  get size(): number {
    return this.#sessions.size;
  }

  get(sid: string): SessionDocument | undefined {
    return this.#sessions.get(sid);
  }

  /** The sessions, in the order in which they were first stored. May change while iterating. */
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
