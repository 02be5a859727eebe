/**
 * A session in memory, which is the JSON text that `set` received and any newer cookie of a touch,
 * and on disk, which is the document `{"_id":<id>,"sess":{…},"expiresAt":<epoch ms>}`. A custom
 * serializer makes `sess` a string; a newer cookie is then stored in a separate field `cookie`.
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
}

/** A parsed JSON object. */
export type JsonObject = Record<string, unknown>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The document of a session as JSON text. */
export function documentText(sid: string, { json, cookie, expiresAt }: SessionDocument): string {
  const id = JSON.stringify(sid);
  if (cookie === null) return `{"_id":${id},"sess":${json},"expiresAt":${expiresAt}}`;
  if (json.startsWith("{")) {
    return `{"_id":${id},"sess":${replaceCookie(json, cookie)},"expiresAt":${expiresAt}}`;
  }
  return `{"_id":${id},"cookie":${cookie},"sess":${json},"expiresAt":${expiresAt}}`;
}

/** The path of the cookie that a touch replaces, in the notation of lite-nosql. */
export function cookiePath({ json }: SessionDocument): "sess.cookie" | "cookie" {
  return json.startsWith("{") ? "sess.cookie" : "cookie";
}

const COOKIE_FIRST = '{"cookie":{';

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
