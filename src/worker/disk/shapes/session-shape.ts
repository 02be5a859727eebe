/** Recognizes sessions in documents of any shape that users of lite-nosql may have stored. */
import { isJsonObject, type JsonObject, type SessionDocument } from "../documents/document.js";

export interface RecognizedSession {
  /** The first of these that is a string: the field `sid`, the field `_id`, the document id. */
  readonly sid: string;
  readonly session: SessionDocument;
  /** Whether the document lacks an expiry. */
  readonly isUndated: boolean;
  /** The document's fields that are not kept; null if there are none. */
  readonly more: JsonObject | null;
}

/** A field that lite-nosql adds to every document, and which sessions do not keep. */
const BOOKKEEPING = "updatedAt";

/**
 * Converts a parsed document to a session.
 * @param fallbackExpiry epoch ms, for a document that lacks an expiry
 * @returns null if the document is not a session: it has no usable `sess`
 */
export function toSession(
  id: string,
  document: JsonObject,
  fallbackExpiry: number,
): RecognizedSession | null {
  const { _id, sid: ownSid, sess, expiresAt, cookie, createdAt, user, unused, ...rest } = document;
  const opaque = typeof sess === "string";
  if (!opaque && (typeof sess !== "object" || sess === null)) return null;
  const touched = opaque && isJsonObject(cookie);
  const ownExpiry = toTime(expiresAt);
  const created = toTime(createdAt);
  const dated = ownExpiry ?? cookieExpiry(sess);
  const ownId = typeof _id === "string" ? _id : id;
  const more = Object.fromEntries(
    Object.entries({
      ...rest,
      ...(ownSid !== undefined && typeof ownSid !== "string" && { sid: ownSid }),
      ...(cookie !== undefined && !touched && { cookie }),
      ...(expiresAt !== undefined && ownExpiry === null && { expiresAt }),
      ...(user !== undefined && typeof user !== "string" && { user }),
      ...(unused !== undefined && unused !== true && { unused }),
    }).filter(([name]) => name !== BOOKKEEPING),
  );
  return {
    sid: typeof ownSid === "string" ? ownSid : ownId,
    session: {
      json: JSON.stringify(sess),
      cookie: touched ? JSON.stringify(cookie) : null,
      expiresAt: dated ?? fallbackExpiry,
      createdAt: created ?? undefined,
      user: typeof user === "string" ? user : undefined,
      unused: unused === true || undefined,
    },
    isUndated: dated === null,
    more: Object.keys(more).length > 0 ? more : null,
  };
}

/** When the cookie of a session expires, in epoch ms; null if it has no valid date. */
function cookieExpiry(sess: unknown): number | null {
  const cookie = isJsonObject(sess) ? sess["cookie"] : undefined;
  return toTime(isJsonObject(cookie) ? cookie["expires"] : undefined);
}

/** A number of epoch ms, or a date as text, in epoch ms; null for anything else. */
function toTime(value: unknown): number | null {
  const at = typeof value === "string" ? Date.parse(value) : value;
  return typeof at === "number" && Number.isFinite(at) ? at : null;
}
