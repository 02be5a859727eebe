/**
 * Sessions as the JSON text in which the engine holds them, and back. Errors never quote a session:
 * of an error thrown by a serializer or a `toJSON` only the name is given.
 */
import type { FoundSession } from "../protocol/contract.js";
import { isErrorLike, StoreError } from "../protocol/errors.js";
import type { Serializer } from "./options/values.js";

/** Encrypted, a session is a third longer, and must fit into a string: 2^29 - 24 characters. */
const MAX_SESSION_BYTES = 256 * 1024 * 1024;

/**
 * A session as JSON text; the text of a custom serializer becomes a JSON string.
 * @param serializer null for JSON
 * @throws StoreError `NOT_SERIALIZABLE`
 */
export function encodeSession(session: object, serializer: Serializer | null): string {
  const json =
    serializer === null ? stringify(session) : JSON.stringify(serialize(session, serializer));
  // A UTF-16 code unit takes at most three bytes, so that few texts need to be measured.
  if (json.length * 3 > MAX_SESSION_BYTES && Buffer.byteLength(json) > MAX_SESSION_BYTES) {
    throw notSerializable(`it is larger than ${MAX_SESSION_BYTES} bytes of JSON`);
  }
  return json;
}

/**
 * The cookie of a session as JSON text, or null if it has none.
 * @param serializer null for JSON
 * @throws StoreError `NOT_SERIALIZABLE`
 */
export function encodeCookie(session: object, serializer: Serializer | null): string | null {
  const cookie: unknown = "cookie" in session ? session.cookie : undefined;
  if (typeof cookie !== "object" || cookie === null) return null;
  if (serializer === null) return stringify(cookie);
  // What the serializer makes of a session that has only the cookie: for the engine a cookie like any other.
  return JSON.stringify({ serialized: serialize({ cookie }, serializer) });
}

/**
 * Dual of {@link encodeSession}.
 * @throws StoreError `STORE_CORRUPT` if the text cannot be parsed
 * @throws TypeError if the serializer is asynchronous
 */
export function decodeSession(found: FoundSession, serializer: Serializer | null): object {
  const [json, newer] = typeof found === "string" ? [found, null] : found;
  let session: unknown;
  let cookie: unknown;
  try {
    session = parse(json, serializer);
    const stored = newer === null ? cookieOf(session) : (JSON.parse(newer) as unknown);
    cookie = serializer === null ? withDate(stored) : deserialized(stored, serializer);
  } catch (cause) {
    throw unreadable(nameOf(cause));
  }
  if (typeof session !== "object" || session === null) {
    throw unreadable("it was written with a different serializer");
  }
  if ("then" in session && typeof session.then === "function") {
    throw new TypeError('parse of the option "serializer" must return the session, not a promise');
  }
  // A serializer may return a frozen object.
  const own = serializer === null ? session : { ...session };
  return cookie === cookieOf(session) ? own : Object.assign(own, { cookie });
}

function cookieOf(session: unknown): unknown {
  const isObject = typeof session === "object" && session !== null;
  return isObject && "cookie" in session ? session.cookie : undefined;
}

/** Makes `expires` of a parsed cookie, where it is text, the date that it is in the types of express-session. */
function withDate(cookie: unknown): unknown {
  if (typeof cookie !== "object" || cookie === null || !("expires" in cookie)) return cookie;
  if (typeof cookie.expires !== "string") return cookie;
  const date = new Date(cookie.expires);
  if (!Number.isNaN(date.getTime())) cookie.expires = date;
  return cookie;
}

/** What `parse` makes of the cookie of a touch; version 1.0.0 stored that as it was. */
function deserialized(cookie: unknown, serializer: Serializer): unknown {
  if (typeof cookie !== "object" || cookie === null || !("serialized" in cookie)) return cookie;
  return cookieOf(serializer.parse(String(cookie.serialized)));
}

function serialize(session: object, serializer: Serializer): string {
  let text: unknown;
  try {
    text = serializer.stringify(session);
  } catch (cause) {
    throw notSerializable(`stringify of the option "serializer" threw (${nameOf(cause)})`);
  }
  if (typeof text !== "string") {
    throw notSerializable(
      `stringify of the option "serializer" must return a string, got a value of type ${typeof text}`,
    );
  }
  return text;
}

function stringify(value: object): string {
  let json: unknown;
  try {
    json = JSON.stringify(value);
  } catch (cause) {
    throw notSerializable(`it has a cycle, a BigInt or a toJSON that throws (${nameOf(cause)})`);
  }
  if (typeof json !== "string" || !/^[{[]/.test(json)) {
    throw notSerializable("its toJSON does not return an object");
  }
  return json;
}

function parse(json: string, serializer: Serializer | null): unknown {
  const stored: unknown = JSON.parse(json);
  if (serializer === null) return stored;
  return serializer.parse(typeof stored === "string" ? stored : json);
}

function notSerializable(reason: string): StoreError {
  return new StoreError("NOT_SERIALIZABLE", `the session cannot be stored: ${reason}`);
}

function unreadable(reason: string): StoreError {
  return new StoreError(
    "STORE_CORRUPT",
    `a stored session cannot be parsed (${reason}): it stays in the files, but is not served`,
  );
}

function nameOf(thrown: unknown): string {
  return isErrorLike(thrown) ? thrown.name : typeof thrown;
}
