/**
 * A lite-nosql document in memory and as text. A session is held as the JSON text that `set`
 * received, not as an object graph; a touch lays a newer cookie beside it.
 *
 * On disk a session is `{"_id":<id>,"sess":{…},"expiresAt":<epoch ms>}`. A custom serializer makes
 * `sess` a string, into which no cookie can be put; a touched cookie then stands beside it, in the
 * field `cookie`. Documents that lite-nosql wrote may carry more fields, and the session id in a
 * field `sid` instead of `_id`.
 */

/** A session document in memory. */
export interface SessionDocument {
  /** The value of `sess` as JSON text: an object, or a string made by a custom serializer. */
  json: string;
  /** JSON text of the cookie that replaces the one in `json`, or null. */
  cookie: string | null;
  /** Epoch milliseconds. */
  expiresAt: number;
  /** What a document from elsewhere has beyond the three fields; null for our own. */
  origin: Origin | null;
}

/** How a document from elsewhere differs from our own. */
export interface Origin {
  /** The document's id, where the session id stands in a field of its own. */
  readonly id: string | null;
  /** Its other fields, as the members of a JSON object without the braces; may be empty. */
  readonly members: string;
}

/** A document that was read: a session, or a document that is none and is only kept. */
export type StoredDocument =
  | { readonly sid: string; readonly session: SessionDocument }
  | { readonly sid: null; readonly json: string };

/** A parsed JSON object. */
export type JsonObject = Record<string, unknown>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The document of a session as JSON text. */
export function documentText(sid: string, session: SessionDocument): string {
  const { json, cookie, expiresAt, origin } = session;
  const id = JSON.stringify(origin?.id ?? sid);
  if (cookie === null && origin === null) {
    return `{"_id":${id},"sess":${json},"expiresAt":${expiresAt}}`;
  }
  let head = `{"_id":${id}`;
  if (origin !== null && origin.id !== null) head += `,"sid":${JSON.stringify(sid)}`;
  if (origin !== null && origin.members !== "") head += `,${origin.members}`;
  if (cookie === null) return `${head},"sess":${json},"expiresAt":${expiresAt}}`;
  if (json.startsWith("{")) {
    return `${head},"sess":${replaceCookie(json, cookie)},"expiresAt":${expiresAt}}`;
  }
  return `${head},"cookie":${cookie},"sess":${json},"expiresAt":${expiresAt}}`;
}

/** Where a touch finds the cookie, as a path of lite-nosql. */
export function cookiePath(session: SessionDocument): "sess.cookie" | "cookie" {
  return session.json.startsWith("{") ? "sess.cookie" : "cookie";
}

/**
 * Reads a parsed document. `fallbackExpiry` is the expiry, in epoch milliseconds, of a session that
 * has neither a usable `expiresAt` nor a cookie that says when it expires.
 */
export function readDocument(
  id: string,
  document: JsonObject,
  fallbackExpiry: number,
): StoredDocument {
  const { _id, sid: ownSid, sess, expiresAt, ...others } = document;
  const opaque = typeof sess === "string";
  if (!opaque && (typeof sess !== "object" || sess === null)) {
    return { sid: null, json: JSON.stringify(document) };
  }
  const sid = typeof ownSid === "string" ? ownSid : typeof _id === "string" ? _id : id;
  let cookie: string | null = null;
  if (opaque && isJsonObject(others["cookie"])) {
    cookie = JSON.stringify(others["cookie"]);
    delete others["cookie"];
  }
  if (ownSid !== undefined && typeof ownSid !== "string") others["sid"] = ownSid;
  const members = JSON.stringify(others).slice(1, -1);
  return {
    sid,
    session: {
      json: JSON.stringify(sess),
      cookie,
      expiresAt:
        typeof expiresAt === "number" && Number.isFinite(expiresAt)
          ? expiresAt
          : (cookieExpiry(sess) ?? fallbackExpiry),
      origin: sid === id && members === "" ? null : { id: sid === id ? null : id, members },
    },
  };
}

function cookieExpiry(sess: unknown): number | null {
  const cookie = isJsonObject(sess) ? sess["cookie"] : undefined;
  const expires = isJsonObject(cookie) ? cookie["expires"] : undefined;
  const at = typeof expires === "string" ? Date.parse(expires) : NaN;
  return Number.isNaN(at) ? null : at;
}

const COOKIE_FIRST = '{"cookie":{';

/**
 * The JSON text of a session with another cookie. express-session puts the cookie first, so most
 * texts can be spliced; the rest are parsed.
 */
function replaceCookie(json: string, cookie: string): string {
  if (json.startsWith(COOKIE_FIRST)) {
    const end = objectEnd(json, COOKIE_FIRST.length - 1);
    return `{"cookie":${cookie}${json.slice(end)}`;
  }
  const sess = JSON.parse(json) as JsonObject;
  sess["cookie"] = JSON.parse(cookie);
  return JSON.stringify(sess);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Where the object that starts at `start` of a valid JSON text ends. */
function objectEnd(json: string, start: number): number {
  let depth = 0;
  let inString = false;
  for (let at = start; at < json.length; at++) {
    const char = json.charCodeAt(at);
    if (inString) {
      if (char === BACKSLASH) at++;
      else if (char === QUOTE) inString = false;
    } else if (char === QUOTE) inString = true;
    else if (char === OPEN_BRACE) depth++;
    else if (char === CLOSE_BRACE && --depth === 0) return at + 1;
  }
  return json.length;
}
