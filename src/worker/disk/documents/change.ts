/** The change that a line of the journal or an element of a snapshot makes to the collection. */
import type { JsonObject, SessionDocument } from "./document.js";

export type Change =
  /** Stores a session that was extracted from its document without parsing. */
  | { readonly op: "store"; readonly sid: string; readonly session: SessionDocument }
  /** Stores a document, replacing any with the same id. */
  | { readonly op: "insert"; readonly id: string; readonly document: JsonObject }
  /** Patches the document with this id, if there is one. */
  | { readonly op: "update"; readonly id: string; readonly patch: Patch }
  /** `ts` is when, in epoch milliseconds. */
  | { readonly op: "delete"; readonly id: string; readonly ts: number };

/** lite-nosql's `update`: fields to set, remove or increment. Paths are split at every dot. */
export interface Patch {
  readonly set: JsonObject;
  readonly unset: readonly string[];
  readonly inc: JsonObject;
  readonly updatedAt: unknown;
}
