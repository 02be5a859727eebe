/**
 * lite-nosql's `update`: fields set, removed and added to, addressed by paths that are split at
 * every dot. This store writes only one kind, a touch; all kinds are read.
 */
import { type JsonObject, isJsonObject, type SessionDocument, cookiePath } from "./document.js";

/** A parsed `update` record. */
export interface Patch {
  readonly set: JsonObject;
  readonly unset: readonly string[];
  readonly inc: JsonObject;
  readonly updatedAt: unknown;
}

/**
 * Applies a patch that only does what a touch does, in place.
 * @returns false where the patch does more, or the document keeps fields that it would change.
 */
export function applyTouch(session: SessionDocument, patch: Patch): boolean {
  if (session.origin !== null && session.origin.members !== "") return false;
  if (patch.unset.length > 0 || Object.keys(patch.inc).length > 0) return false;
  const path = cookiePath(session);
  const { expiresAt, [path]: cookie, ...others } = patch.set;
  if (typeof expiresAt !== "number" || Object.keys(others).length > 0) return false;
  if (cookie !== undefined && !isJsonObject(cookie)) return false;
  session.expiresAt = expiresAt;
  if (cookie !== undefined) session.cookie = JSON.stringify(cookie);
  return true;
}

/** Applies any patch to a parsed document, in place. */
export function applyPatch(document: JsonObject, patch: Patch): void {
  for (const [path, value] of Object.entries(patch.set)) {
    const field = fieldAt(document, path, true);
    if (field !== null) define(field.parent, field.name, value);
  }
  for (const path of patch.unset) {
    const field = fieldAt(document, path, false);
    if (field !== null) Reflect.deleteProperty(field.parent, field.name);
  }
  for (const [path, by] of Object.entries(patch.inc)) {
    const field = fieldAt(document, path, true);
    if (field === null || typeof by !== "number") continue;
    const before = Object.hasOwn(field.parent, field.name) ? field.parent[field.name] : 0;
    define(field.parent, field.name, (typeof before === "number" ? before : 0) + by);
  }
  if (patch.updatedAt !== undefined) define(document, "updatedAt", patch.updatedAt);
}

/** The object that has the last name of a path; missing objects on the way are made if asked. */
function fieldAt(
  document: JsonObject,
  path: string,
  make: boolean,
): { parent: JsonObject; name: string } | null {
  const names = path.split(".");
  const name = names.pop() ?? "";
  let parent = document;
  for (const step of names) {
    const next = Object.hasOwn(parent, step) ? parent[step] : undefined;
    if (typeof next === "object" && next !== null) {
      parent = next as JsonObject;
    } else if (make) {
      const made: JsonObject = {};
      define(parent, step, made);
      parent = made;
    } else return null;
  }
  return { parent, name };
}

/** Plain assignment would call the setter of `__proto__`. */
function define(target: JsonObject, name: string, value: unknown): void {
  Object.defineProperty(target, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}
