/**
 * Replays the changes in the files. Sessions in the format of this store go straight to the
 * collection. All other documents (sessions with another id or more fields, patches beyond a touch,
 * documents of other applications) wait here, parsed, until all files have been read. Then they are
 * converted to sessions, or kept as they are.
 *
 * The result must be journaled before any other write, as {@link Converted} says. A crash during
 * that is harmless, because replaying it over the old files gives the same result. An `inc` cannot
 * be replayed over its own result, so a document that had one is written whole.
 */
import type { Change, Patch } from "../documents/change.js";
import type { Collection } from "../documents/collection.js";
import {
  cookiePath,
  documentText,
  isJsonObject,
  type JsonObject,
  type SessionDocument,
} from "../documents/document.js";
import { applyPatch } from "./patch.js";
import { toSession } from "./session-shape.js";

/** The documents that waited, converted or kept. */
export interface Converted {
  /** Sessions to be written in the format of this store. */
  readonly sessions: readonly (readonly [sid: string, session: SessionDocument])[];
  /** Documents to be deleted afterwards: the same sessions under other ids. */
  readonly removed: readonly string[];
  /** Documents of other applications, as JSON text: never served, and part of every snapshot. */
  readonly kept: readonly (readonly [id: string, json: string])[];
  /** Those of them that were patched, to be written whole. */
  readonly patched: Converted["kept"];
  /** Session documents with fields that are not kept, as JSON text: to be set aside. */
  readonly aside: readonly string[];
}

export class Replay {
  readonly #collection: Collection;
  readonly #fallbackExpiry: number;
  readonly #waiting = new Map<string, JsonObject>();
  /** Ids of the waiting documents that were patched. */
  readonly #patched = new Set<string>();
  #records = 0;

  constructor(collection: Collection, fallbackExpiry: number) {
    this.#collection = collection;
    this.#fallbackExpiry = fallbackExpiry;
  }

  /** How many changes were applied. */
  get records(): number {
    return this.#records;
  }

  apply(change: Change): void {
    this.#records++;
    if (change.op === "store") this.#store(change.sid, change.session);
    else if (change.op === "insert") this.#insert(change.id, change.document);
    else if (change.op === "update") this.#update(change.id, change.patch);
    else {
      this.#waiting.delete(change.id);
      this.#collection.delete(change.id);
    }
  }

  /** Converts the waiting documents, and adds their sessions to the collection. */
  finish(): Converted {
    const sessions: [string, SessionDocument][] = [];
    const removed = new Set(this.#waiting.keys());
    const kept: [string, string][] = [];
    const patched: [string, string][] = [];
    const aside: string[] = [];
    for (const [id, document] of this.#waiting) {
      const found = toSession(id, document, this.#fallbackExpiry);
      if (found === null) {
        const json = JSON.stringify(document);
        kept.push([id, json]);
        if (this.#patched.has(id)) patched.push([id, json]);
        removed.delete(id);
        continue;
      }
      const { sid, session, hasMore } = found;
      this.#collection.put(sid, session);
      // A session that takes over the id of another waiting document is written after that one.
      if (this.#waiting.has(sid)) sessions.push([sid, session]);
      else sessions.unshift([sid, session]);
      if (hasMore) aside.push(JSON.stringify(document));
    }
    for (const [sid] of sessions) removed.delete(sid);
    return { sessions, removed: [...removed], kept, patched, aside };
  }

  #store(sid: string, session: SessionDocument): void {
    this.#waiting.delete(sid);
    this.#collection.put(sid, session);
  }

  #insert(id: string, document: JsonObject): void {
    const found = toSession(id, document, this.#fallbackExpiry);
    if (found !== null && found.sid === id && !found.undated && !found.hasMore) {
      this.#store(id, found.session);
    } else this.#wait(id, document);
  }

  #update(id: string, patch: Patch): void {
    const session = this.#collection.get(id);
    if (session !== undefined && applyTouch(session, patch)) {
      this.#collection.version++;
      return;
    }
    const document =
      this.#waiting.get(id) ?? (session && (JSON.parse(documentText(id, session)) as JsonObject));
    if (document === undefined) return;
    applyPatch(document, patch);
    this.#wait(id, document);
    this.#patched.add(id);
  }

  #wait(id: string, document: JsonObject): void {
    this.#collection.delete(id);
    this.#waiting.set(id, document);
    this.#patched.delete(id);
  }
}

/** Applies a patch if it is a touch. @returns whether it is one */
function applyTouch(session: SessionDocument, patch: Patch): boolean {
  if (patch.unset.length > 0 || Object.keys(patch.inc).length > 0) return false;
  const { expiresAt, [cookiePath(session)]: cookie, ...others } = patch.set;
  if (typeof expiresAt !== "number" || Object.keys(others).length > 0) return false;
  if (cookie !== undefined && !isJsonObject(cookie)) return false;
  session.expiresAt = expiresAt;
  if (cookie !== undefined) session.cookie = JSON.stringify(cookie);
  return true;
}
