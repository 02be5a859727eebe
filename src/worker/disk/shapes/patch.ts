/**
 * lite-nosql's `update`: applied to a parsed document, or recognized as a touch. This store writes it
 * only for touches, but reads every kind.
 */
import type { Patch } from "../documents/change.js";
import {
  cookiePath,
  isJsonObject,
  type JsonObject,
  type SessionDocument,
} from "../documents/document.js";

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

/** What a patch does if it does only what a touch does, else null. The cookie may be null. */
export function touchOf(
  session: SessionDocument,
  { set, unset, inc }: Patch,
): Pick<SessionDocument, "cookie" | "expiresAt"> | null {
  if (unset.length > 0 || Object.keys(inc).length > 0) return null;
  const { expiresAt, [cookiePath(session)]: cookie, ...others } = set;
  if (typeof expiresAt !== "number" || Object.keys(others).length > 0) return null;
  if (cookie !== undefined && !isJsonObject(cookie)) return null;
  return { expiresAt, cookie: cookie === undefined ? null : JSON.stringify(cookie) };
}

/** The last field of a path and its parent. Creates missing parents if `make`, else null. */
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

/** Sets a field. Plain assignment would call the setter of `__proto__`. */
function define(target: JsonObject, name: string, value: unknown): void {
  Object.defineProperty(target, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}
