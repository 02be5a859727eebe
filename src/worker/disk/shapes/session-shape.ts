/** Which documents are sessions, in whatever shape lite-nosql's users stored them. */
import { isJsonObject, type JsonObject, type SessionDocument } from "../documents/document.js";

/** A document that is a session. */
export interface FoundSession {
  /** Its session id: a string field `sid`, else `_id`, else the document's id. */
  readonly sid: string;
  readonly session: SessionDocument;
  /** Whether the document does not say when the session expires. */
  readonly undated: boolean;
  /** Whether the document has fields that a session does not keep. */
  readonly hasMore: boolean;
}

/** Fields that lite-nosql adds to every document. */
const BOOKKEEPING = new Set(["createdAt", "updatedAt"]);

/**
 * Reads a parsed document.
 * @param fallbackExpiry the expiry, in epoch ms, of a session that does not say when it expires
 * @returns null where the document is not a session: it has no usable `sess`
 */
export function toSession(
  id: string,
  document: JsonObject,
  fallbackExpiry: number,
): FoundSession | null {
  const { _id, sid: ownSid, sess, expiresAt, cookie, ...rest } = document;
  const opaque = typeof sess === "string";
  if (!opaque && (typeof sess !== "object" || sess === null)) return null;
  const touched = opaque && isJsonObject(cookie);
  const dated =
    typeof expiresAt === "number" && Number.isFinite(expiresAt) ? expiresAt : cookieExpiry(sess);
  const ownId = typeof _id === "string" ? _id : id;
  const unknown = Object.keys(rest).some((name) => !BOOKKEEPING.has(name));
  return {
    sid: typeof ownSid === "string" ? ownSid : ownId,
    session: {
      json: JSON.stringify(sess),
      cookie: touched ? JSON.stringify(cookie) : null,
      expiresAt: dated ?? fallbackExpiry,
    },
    undated: dated === null,
    hasMore: unknown || (cookie !== undefined && !touched),
  };
}

/** When the cookie of a session expires; null where it does not say. */
function cookieExpiry(sess: unknown): number | null {
  const cookie = isJsonObject(sess) ? sess["cookie"] : undefined;
  const expires = isJsonObject(cookie) ? cookie["expires"] : undefined;
  const at = typeof expires === "string" ? Date.parse(expires) : NaN;
  return Number.isNaN(at) ? null : at;
}
