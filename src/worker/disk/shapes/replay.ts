/**
 * The door through which the files' documents come in. Those of this store's own shape go straight
 * to the collection. All others (lite-nosql's with another id, more fields, patches beyond a touch;
 * documents of other applications) wait here, parsed, until all has been read, and are then converted
 * or kept: behind this door nobody knows of them.
 *
 * What is converted must be written to the journal before anything else is, as {@link Converted}
 * says. Replaying that over the old files gives the same again, so it may be cut off anywhere; an
 * `inc`, which may not be replayed over its own result, is never read twice.
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

/** What became of the documents that waited. */
export interface Converted {
  /** Sessions to be written as documents of their own shape. */
  readonly sessions: readonly (readonly [sid: string, session: SessionDocument])[];
  /** Documents to be deleted then: the same sessions under other ids. */
  readonly removed: readonly string[];
  /** Documents of other applications, as JSON text: never served, and part of every snapshot. */
  readonly kept: readonly (readonly [id: string, json: string])[];
  /** Those of them that have been patched, and are to be written as they are now. */
  readonly patched: Converted["kept"];
  /** Sessions' documents with fields that are not kept, as JSON text: to be set aside. */
  readonly aside: readonly string[];
}

export class Replay {
  readonly #collection: Collection;
  readonly #fallbackExpiry: number;
  readonly #waiting = new Map<string, JsonObject>();
  /** Ids of those that a patch has changed. */
  readonly #patched = new Set<string>();
  #records = 0;

  constructor(collection: Collection, fallbackExpiry: number) {
    this.#collection = collection;
    this.#fallbackExpiry = fallbackExpiry;
  }

  /** How many changes there were. */
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

  /** Converts what waits. Sessions are in the collection then. */
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
      // One that takes the id of another waiting document comes after that one has left it.
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

/** Applies a patch that only does what a touch does. @returns false where it does more */
function applyTouch(session: SessionDocument, patch: Patch): boolean {
  if (patch.unset.length > 0 || Object.keys(patch.inc).length > 0) return false;
  const { expiresAt, [cookiePath(session)]: cookie, ...others } = patch.set;
  if (typeof expiresAt !== "number" || Object.keys(others).length > 0) return false;
  if (cookie !== undefined && !isJsonObject(cookie)) return false;
  session.expiresAt = expiresAt;
  if (cookie !== undefined) session.cookie = JSON.stringify(cookie);
  return true;
}
