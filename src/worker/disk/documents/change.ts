/** What a line of the journal, or an element of a snapshot, does to the collection. */
import type { JsonObject, SessionDocument } from "./document.js";

export type Change =
  /** Stores a session: a document as this store writes it, cut out of the bytes without parsing. */
  | { readonly op: "store"; readonly sid: string; readonly session: SessionDocument }
  /** Puts a document, replacing the one with that id. */
  | { readonly op: "insert"; readonly id: string; readonly document: JsonObject }
  /** Changes the document with that id, where there is one. */
  | { readonly op: "update"; readonly id: string; readonly patch: Patch }
  | { readonly op: "delete"; readonly id: string };

/** lite-nosql's `update`: fields set, removed and added to, by paths that are split at every dot. */
export interface Patch {
  readonly set: JsonObject;
  readonly unset: readonly string[];
  readonly inc: JsonObject;
  readonly updatedAt: unknown;
}
