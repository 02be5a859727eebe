/**
 * The door through which the files' documents come in. Those of this store's own shape go straight
 * to the collection. Others are converted: lite-nosql's with another id, with more fields, patched
 * beyond a touch, without an expiry. Documents of other applications are kept as text. No call ever
 * meets any of them.
 *
 * What has been converted must be written to the journal before anything else is: see
 * {@link Converted}. Until then the old documents are there, so the next opening converts them
 * again, from the same values. An `inc` must not be applied to its own result: so the document that
 * it changed is written whole, and the compaction that follows finds that behind the `inc`.
 */
import type { Change, Patch } from "../documents/change.js";
import type { Collection } from "../documents/collection.js";
import { documentText, type JsonObject, type SessionDocument } from "../documents/document.js";
import { applyPatch, touchOf } from "./patch.js";
import { type RecognizedSession, toSession } from "./session-shape.js";

/** A record to be written about what has been converted. */
export type Rewritten =
  | { readonly op: "store"; readonly sid: string; readonly session: SessionDocument }
  | { readonly op: "insert"; readonly id: string; readonly json: string }
  | { readonly op: "delete"; readonly id: string };

export interface Converted {
  /**
   * To be written step by step. Each takes away what a document had of those before it, so these must
   * be on the disk by then: of what is written at once, a power cut may leave any part. Only where
   * two sessions are in each other's documents, a cut in between may cost one.
   */
  readonly steps: readonly (readonly Rewritten[])[];
  /** Documents of other applications, as JSON text: never served, and part of every snapshot. */
  readonly kept: readonly (readonly [id: string, json: string])[];
  /** What sessions do not keep of their documents, as JSON text: to be set aside. */
  readonly dropped: readonly string[];
}

/** A session in a document with another id. */
interface Elsewhere extends RecognizedSession {
  /** Whether the session has been stored or deleted under its own id since. */
  superseded: boolean;
}

export class Replay {
  readonly #collection: Collection;
  readonly #now: number;
  readonly #fallbackExpiry: number;
  /** Sessions in documents with other ids, by these, in the order of the documents. */
  readonly #elsewhere = new Map<string, Elsewhere>();
  /** The same, by the ids of the sessions. */
  readonly #bySid = new Map<string, Set<Elsewhere>>();
  /** Sessions in documents with their own ids that are to be written anew. */
  readonly #rewritten = new Set<string>();
  /** Fields that these documents have and sessions do not keep. */
  readonly #more = new Map<string, JsonObject>();
  /** Documents of other applications, and which of them have been patched. */
  readonly #kept = new Map<string, string>();
  readonly #patched = new Set<string>();
  /** Whether there has been anything but sessions of our own shape: opening those is to be fast. */
  #hasForeign = false;
  /** How many changes there were. */
  records = 0;
  /** When the first of the sessions was deleted that the files still have, or null. */
  deletedSince: number | null = null;

  /**
   * @param now epoch milliseconds
   * @param fallbackExpiry the expiry of a session that does not say when it expires
   */
  constructor(collection: Collection, now: number, fallbackExpiry: number) {
    this.#collection = collection;
    this.#now = now;
    this.#fallbackExpiry = fallbackExpiry;
  }

  apply(change: Change): void {
    this.records++;
    if (change.op === "store") this.#store(change.sid, change.session);
    else if (change.op === "insert") this.#insert(change.id, change.document);
    else if (change.op === "update") this.#update(change.id, change.patch);
    else {
      this.deletedSince = Math.min(this.deletedSince ?? Infinity, change.ts);
      this.#end(change.id);
    }
  }

  /** Puts the converted sessions into the collection. */
  finish(): Converted {
    /** Which document has a session, where it is another than its own. */
    const sources = new Map<string, string>();
    for (const [id, { sid, session, superseded }] of this.#elsewhere) {
      if (superseded) continue;
      this.#collection.put(sid, session);
      sources.set(sid, id);
    }
    const dropped = this.#drop(sources);
    const steps: Rewritten[][] = [];
    const stepOf = new Map<string, number>();
    const left = new Set([...this.#rewritten, ...sources.keys()]);
    for (const sid of left) this.#rewrite(sid, left, steps, stepOf);
    const last: Rewritten[] = [];
    for (const id of this.#elsewhere.keys()) {
      // Unless a session's own document has taken its place.
      if (this.#collection.get(id) === undefined) last.push({ op: "delete", id });
    }
    for (const id of this.#patched) {
      const json = this.#kept.get(id);
      if (json !== undefined) last.push({ op: "insert", id, json });
    }
    if (last.length > 0) steps.push(last);
    return { steps, kept: [...this.#kept], dropped };
  }

  /** Writes a session, a step after one that is in the document that it overwrites. */
  #rewrite(
    first: string,
    left: Set<string>,
    steps: Rewritten[][],
    stepOf: Map<string, number>,
  ): void {
    const chain: string[] = [];
    let sid: string | undefined = first;
    while (sid !== undefined && left.delete(sid)) {
      chain.push(sid);
      sid = this.#elsewhere.get(sid)?.sid;
    }
    let step = sid === undefined ? 0 : (stepOf.get(sid) ?? -1) + 1;
    for (const own of chain.reverse()) {
      const session = this.#collection.get(own);
      if (session !== undefined) (steps[step] ??= []).push({ op: "store", sid: own, session });
      stepOf.set(own, step++);
    }
  }

  /** Drops fields that live sessions do not keep, and documents whose ids sessions have taken. */
  #drop(sources: ReadonlyMap<string, string>): string[] {
    const dropped: string[] = [];
    const add = (sid: string, fields: JsonObject): void => {
      const { expiresAt } = this.#collection.get(sid) ?? { expiresAt: 0 };
      if (expiresAt > this.#now) dropped.push(JSON.stringify({ _id: sid, ...fields }));
    };
    for (const [sid, fields] of this.#more) add(sid, fields);
    for (const [sid, id] of sources) {
      const more = this.#elsewhere.get(id)?.more;
      if (more != null) add(sid, more);
      const json = this.#kept.get(sid);
      if (json === undefined) continue;
      dropped.push(json);
      this.#kept.delete(sid);
    }
    return dropped;
  }

  #store(sid: string, session: SessionDocument): void {
    if (this.#hasForeign) this.#end(sid);
    this.#collection.put(sid, session);
  }

  /** A session is replaced or deleted by its own id. */
  #end(sid: string): void {
    this.#forget(sid);
    // It is no longer what other documents say.
    for (const found of this.#bySid.get(sid) ?? []) found.superseded = true;
  }

  #insert(id: string, document: JsonObject): void {
    const found = toSession(id, document, this.#fallbackExpiry);
    const isPlain = found?.sid === id && !found.isUndated && found.more === null;
    this.#hasForeign ||= !isPlain;
    if (found === null) {
      this.#forget(id);
      this.#kept.set(id, JSON.stringify(document));
    } else if (found.sid === id) {
      this.#store(id, found.session);
      if (found.more !== null) this.#more.set(id, found.more);
      if (!isPlain) this.#rewritten.add(id);
    } else {
      this.#forget(id);
      const elsewhere = { ...found, superseded: false };
      this.#elsewhere.set(id, elsewhere);
      const same = this.#bySid.get(found.sid) ?? new Set();
      this.#bySid.set(found.sid, same.add(elsewhere));
    }
  }

  #update(id: string, patch: Patch): void {
    const found = this.#elsewhere.get(id);
    const session = found?.session ?? this.#collection.get(id);
    const touch = session === undefined ? null : touchOf(session, patch);
    if (touch !== null) {
      if (found === undefined) this.#collection.extend(id, touch.cookie, touch.expiresAt);
      else Object.assign(found.session, touch, { cookie: touch.cookie ?? found.session.cookie });
      this.#collection.version++;
      return;
    }
    const text = session === undefined ? this.#kept.get(id) : documentText(id, session);
    if (text === undefined) return;
    const document: JsonObject = {
      ...(JSON.parse(text) as JsonObject),
      ...(found?.more ?? this.#more.get(id)),
      ...(found && { sid: found.sid }),
    };
    applyPatch(document, patch);
    this.#hasForeign = true;
    this.#insert(id, document);
    const changed = this.#elsewhere.get(id);
    if (this.#kept.has(id)) this.#patched.add(id);
    else if (changed === undefined) this.#rewritten.add(id);
    // It has been stored or deleted all the same.
    else if (found?.superseded === true) changed.superseded = found.sid === changed.sid;
  }

  /** Forgets what a document held that is deleted or replaced. */
  #forget(id: string): void {
    this.#collection.delete(id);
    this.#rewritten.delete(id);
    this.#more.delete(id);
    this.#kept.delete(id);
    this.#patched.delete(id);
    const found = this.#elsewhere.get(id);
    if (found === undefined) return;
    this.#elsewhere.delete(id);
    this.#bySid.get(found.sid)?.delete(found);
  }
}
