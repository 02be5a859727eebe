/**
 * The documents of a collection in memory, as far as they are committed: what the files say, and
 * what a snapshot of them must say. Knows no files and no expiry.
 */
import {
  documentText,
  isJsonObject,
  type JsonObject,
  readDocument,
  type SessionDocument,
  type StoredDocument,
} from "./document.js";
import { applyPatch, applyTouch, type Patch } from "./patch.js";
import type { JournalRecord } from "../journal/record.js";

export class Collection {
  readonly #sessions = new Map<string, SessionDocument>();
  /** Documents that are no sessions, as JSON text, by id: kept, never served. */
  readonly #others = new Map<string, string>();
  /** Session id by document id, for the sessions that have both. */
  readonly #sidOf = new Map<string, string>();
  /** Documents changed by an `inc` that was read, which must not be replayed. */
  readonly #incremented = new Set<string>();
  /** How many records led to this state: lite-nosql's `version`. */
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

  /** The documents that are no sessions, as JSON text. */
  others(): IterableIterator<[id: string, json: string]> {
    return this.#others.entries();
  }

  /** The id under which a new session is stored: its own, unless another session's document has it. */
  originFor(sid: string): SessionDocument["origin"] {
    const id = this.#sessions.get(sid)?.origin?.id ?? null;
    if (id !== null) return { id, members: "" };
    let free = sid;
    while (this.#sidOf.has(free) || (free !== sid && this.#sessions.has(free))) free += "_";
    return free === sid ? null : { id: free, members: "" };
  }

  put(sid: string, session: SessionDocument): void {
    this.version++;
    const id = session.origin?.id ?? null;
    if (this.#sidOf.size > 0) {
      const previousId = this.#sessions.get(sid)?.origin?.id ?? null;
      if (previousId !== null && previousId !== id) this.#sidOf.delete(previousId);
    }
    if (id !== null) this.#sidOf.set(id, sid);
    if (this.#others.size > 0) this.#others.delete(id ?? sid);
    this.#sessions.set(sid, session);
  }

  delete(sid: string): void {
    this.version++;
    const id = this.#sessions.get(sid)?.origin?.id ?? null;
    if (id !== null) this.#sidOf.delete(id);
    this.#sessions.delete(sid);
  }

  /** Puts a document that was read from a snapshot. */
  load(id: string, document: StoredDocument): void {
    this.#insert(id, document);
  }

  /**
   * Replays a record of the journal. Inserts, sets and deletes may be replayed over a state that has
   * them already; what an `inc` changed is remembered in {@link incremented}.
   */
  apply(record: JournalRecord, fallbackExpiry: number): void {
    if (record.op === "insert") this.#insert(record.id, record.document);
    else if (record.op === "delete") this.#deleteDocument(record.id);
    else this.#update(record.id, record.patch, fallbackExpiry);
  }

  /** The ids of the documents that an `inc` changed. */
  get incremented(): ReadonlySet<string> {
    return this.#incremented;
  }

  /** The document of this id: a session with its id, or another document. */
  document(id: string): StoredDocument | null {
    const sid = this.#sidOf.get(id) ?? id;
    const session = this.#sessions.get(sid);
    if (session !== undefined && (session.origin?.id ?? sid) === id) return { sid, session };
    const json = this.#others.get(id);
    return json === undefined ? null : { sid: null, json };
  }

  #insert(id: string, document: StoredDocument): void {
    const before = this.#sidOf.size > 0 ? this.#sidOf.get(id) : undefined;
    // A document that changes its session id, or stops being a session, leaves the old one.
    if (before !== undefined && before !== document.sid) this.delete(before);
    if (before === undefined && document.sid !== id) {
      const previous = this.#sessions.get(id);
      if (previous !== undefined && (previous.origin?.id ?? id) === id) this.delete(id);
    }
    if (document.sid === null) {
      this.#others.set(id, document.json);
    } else this.put(document.sid, document.session);
  }

  #deleteDocument(id: string): void {
    const document = this.document(id);
    if (document === null) return;
    if (document.sid === null) this.#others.delete(id);
    else this.delete(document.sid);
  }

  #update(id: string, patch: Patch, fallbackExpiry: number): void {
    const document = this.document(id);
    if (document === null) return;
    if (Object.keys(patch.inc).length > 0) this.#incremented.add(id);
    if (document.sid !== null && applyTouch(document.session, patch)) {
      this.version++;
      return;
    }
    const parsed = parseObject(
      document.sid === null ? document.json : documentText(document.sid, document.session),
    );
    applyPatch(parsed, patch);
    this.#insert(id, readDocument(id, parsed, fallbackExpiry));
  }
}

function parseObject(json: string): JsonObject {
  const value: unknown = JSON.parse(json);
  return isJsonObject(value) ? value : {};
}
