/**
 * A session in memory, which is the JSON text that `set` received and any newer cookie of a touch,
 * and on disk, which is the document `{"_id":<id>,"sess":{…},"expiresAt":<epoch ms>}`. At its end it
 * may have `"createdAt":<epoch ms>`, `"user":<text>`, and `"unused":true` if it has been stored once
 * and never used. A custom serializer makes `sess` a string; a newer cookie is then stored in a
 * separate field `cookie`.
 */
import { BACKSLASH, CLOSE_BRACE, OPEN_BRACE, QUOTE } from "../lines/ascii.js";

/** A session in memory. */
export interface SessionDocument {
  /** The value of `sess` as JSON text: an object, or a string made by a custom serializer. */
  json: string;
  /** JSON text of the newer cookie that replaces the one in `json`, or null. */
  cookie: string | null;
  /** Epoch milliseconds. */
  expiresAt: number;
  /** When it was first stored under this id, in epoch milliseconds, if that is known. */
  createdAt?: number | undefined;
  /** Whose it is, if anybody's. */
  user?: string | undefined;
  /** Whether it has been stored once and never been used since: read, touched or stored again. */
  unused?: boolean | undefined;
}

/**
 * What a session takes besides its texts: measured with Node 20, 160 to 250 bytes for the texts'
 * heads, the object, and the entries in a map of 20,000 to a million sessions and in the index of
 * expiries, where the fuller ones take less; and 35 for one that is unused.
 */
const SESSION_BYTES = 250;

/** What one with a user and a time of creation takes besides: 62 bytes with Node 20, of 300,000 users. */
const USER_BYTES = 50;

/** About how many bytes of memory a session takes. */
export function memoryOf(sid: string, { json, cookie, user }: SessionDocument): number {
  return (
    SESSION_BYTES +
    textBytes(sid) +
    textBytes(json) +
    (cookie === null ? 0 : textBytes(cookie)) +
    (user === undefined ? 0 : USER_BYTES + textBytes(user))
  );
}

/** A character that makes V8 take two bytes for each of a text. Others need not be looked at. */
const WIDE = /[\u0100-\uffff]/;

function textBytes(text: string): number {
  return WIDE.test(text) ? text.length * 2 : text.length;
}

/** How a document says that its session is unused; and what comes before its other fields. */
export const UNUSED_MARK = ',"unused":true';
export const CREATED_FIELD = ',"createdAt":';
export const USER_FIELD = ',"user":';

/** A parsed JSON object. */
export type JsonObject = Record<string, unknown>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The document of a session as JSON text. */
export function documentText(sid: string, session: SessionDocument): string {
  const { json, cookie, expiresAt, createdAt, user, unused } = session;
  const id = JSON.stringify(sid);
  const end =
    `,"expiresAt":${expiresAt}` +
    (createdAt === undefined ? "" : `${CREATED_FIELD}${createdAt}`) +
    (user === undefined ? "" : `${USER_FIELD}${JSON.stringify(user)}`) +
    (unused === true ? `${UNUSED_MARK}}` : "}");
  if (cookie === null) return `{"_id":${id},"sess":${json}${end}`;
  if (json.startsWith("{")) return `{"_id":${id},"sess":${replaceCookie(json, cookie)}${end}`;
  return `{"_id":${id},"cookie":${cookie},"sess":${json}${end}`;
}

/** The path of the cookie that a touch replaces, in the notation of lite-nosql. */
export function cookiePath({ json }: SessionDocument): "sess.cookie" | "cookie" {
  return json.startsWith("{") ? "sess.cookie" : "cookie";
}

const COOKIE_FIRST = '{"cookie":{';

/**
 * The cookie in the JSON text of a session, if that is all that tells it from the text of another:
 * each has its cookie first, as express-session stores it. Null if there is more.
 */
export function onlyCookieChanged(before: string, json: string): string | null {
  if (!before.startsWith(COOKIE_FIRST) || !json.startsWith(COOKIE_FIRST)) return null;
  const start = COOKIE_FIRST.length - 1;
  const end = objectEnd(json, start);
  const rest = json.length - end;
  const endBefore = before.length - rest;
  if (endBefore <= start || before.slice(endBefore) !== json.slice(end)) return null;
  return objectEnd(before, start) === endBefore ? json.slice(start, end) : null;
}

/**
 * Replaces the cookie in the JSON text of a session. express-session puts it first, so most texts
 * can be spliced; the others are parsed.
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

/** The index after the object that starts at `start` of a valid JSON text. */
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
