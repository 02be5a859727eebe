/**
 * Owns what tests put into stores: sessions as JSON has them, live ones as requests have them, and
 * the ids and shapes that a careless store would get wrong.
 */
import session from "express-session";

export const HOUR_MS = 3_600_000;

/** A session as a store gives it back. */
export type Stored = Record<string, unknown>;

/** A cookie as it is after JSON. */
export function cookie(expiresInMs: number = HOUR_MS): Stored {
  return {
    originalMaxAge: HOUR_MS,
    expires: new Date(Date.now() + expiresInMs).toISOString(),
    httpOnly: true,
    path: "/",
  };
}

/** A session as it is after JSON, live for an hour. */
export function sessionOf(data: Stored, expiresInMs?: number): Stored {
  return { cookie: cookie(expiresInMs), ...data };
}

/** Ids that a careless store would take for something else. */
export const STRANGE_SIDS: readonly string[] = [
  "",
  " ",
  "0",
  "null",
  "../../escape",
  "/etc/passwd",
  "..",
  "C:\\sessions\\x",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "line\nbreak\r\nand\ttab",
  "\u2028\u2029",
  "nul\0byte",
  `"quoted"`,
  `'single'`,
  `{"op":"delete"}`,
  "back\\slash",
  "ünï·çødé",
  "日本語",
  "\u{1f36a}",
  "e\u0301",
  "\u00e9",
  "\ud800",
  "\udc00",
  "\ufffd",
  "a.b.c",
  "s".repeat(4_000),
];

/** Sessions of every shape that JSON has. Texts, so that each test parses its own. */
export const SHAPES: Record<string, string> = {
  empty: `{}`,
  "only a null": `{"a":null}`,
  "cookie null": `{"cookie":null,"a":1}`,
  scalars: `{"t":true,"f":false,"n":null,"i":-1,"d":0.1,"e":1e300,"z":0,"s":""}`,
  numbers: `{"a":9007199254740991,"b":5e-324,"c":1.7976931348623157e+308,"d":-0.5}`,
  "nested arrays": `{"a":[[],[[]],[[[1],null],{}]]}`,
  "nested objects": `{"a":{"b":{"c":{"d":{"e":{}}}}}}`,
  deep: `{"a":${"[".repeat(500)}${"]".repeat(500)}}`,
  "dotted keys": `{"a.b":1,"a":{"b":2},".":3,"..":4,"$set":{"x":1}}`,
  "empty key": `{"":{"":""}}`,
  "own key __proto__": `{"__proto__":{"admin":true},"x":{"__proto__":null}}`,
  "names of Object": `{"constructor":1,"toString":{"a":1},"hasOwnProperty":null,"valueOf":[]}`,
  "names of stores": `{"_id":"x","id":"y","sid":"z","sess":{},"expiresAt":1,"op":"delete","doc":{}}`,
  unicode: `{"ключ":"значение","鍵":"値","é":"e\u0301","\u{1f36a}":"\u{1f469}\u200d\u{1f680}"}`,
  "lone surrogates": `{"a":"\\ud800","b":"x\\udc00y","\\udfff":1}`,
  "control characters": `{"a":"\\u0000\\u0001\\u001f\\u007f\\n\\r\\t\\b\\f","b":"\u2028\u2029\ufeff"}`,
  quotes: `{"a":"\\"","b":"\\\\","c":"\\\\\\"","d":"}{][,:"}`,
  "looks like JSON": `{"a":"{\\"cookie\\":{\\"expires\\":0}}","b":"null","c":"[1]"}`,
  "looks like an envelope": `{"a":"00112233445566778899aabbccddeeff:00112233:AAAA"}`,
  "passport's": `{"passport":{"user":{"id":7,"roles":["a","b"]}},"flash":{"error":["no"]}}`,
};

/** A Session such as requests have: its request and methods attached, its cookie of accessors. */
export function liveSession(
  store: session.Store,
  sid: string,
  maxAge: number,
  data: Stored,
): session.Session {
  const request = { sessionID: sid, sessionStore: store };
  // Of another store: this one has not loaded it.
  const maker = new session.MemoryStore();
  const live = maker.createSession(request as Parameters<session.Store["createSession"]>[0], {
    cookie: { path: "/", originalMaxAge: null },
    ...data,
  });
  live.cookie.maxAge = maxAge;
  return live;
}

/** A session that contains itself. */
export function circularSession(): Stored {
  const value = sessionOf({});
  value["self"] = { again: value };
  return value;
}

/** When the cookie of such a session expires. */
export function expiryOf(value: Stored): number {
  return Date.parse((value["cookie"] as { expires: string }).expires);
}
