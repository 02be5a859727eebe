/**
 * Makes opening fast: extracts a session from a document, in the exact format of `documentText`,
 * without parsing it. The caller has verified the bytes with a checksum or a tag; documents in any
 * other format are left to JSON.parse.
 */
import {
  BACKSLASH,
  CLOSE_BRACE,
  DIGIT_0,
  DIGIT_9,
  OPEN_BRACE,
  QUOTE,
  startsWith,
} from "../lines/ascii.js";
import { CREATED_FIELD, type SessionDocument, UNUSED_MARK, USER_FIELD } from "./document.js";

interface PlainDocument {
  readonly sid: string;
  readonly session: SessionDocument;
  /** Offset and length of the id, without its quotes. */
  readonly idStart: number;
  readonly idBytes: number;
}

const ID = Buffer.from('{"_id":"');
const SESS = Buffer.from('","sess":{');
const EXPIRES = Buffer.from(',"expiresAt":');
const CREATED = Buffer.from(CREATED_FIELD);
const USER = Buffer.from(USER_FIELD);
const UNUSED = Buffer.from(UNUSED_MARK);

/**
 * Reads `{"_id":"…","sess":{…},"expiresAt":…}`, with the other fields or not, from `start` to `end`.
 * @returns null if the bytes are anything else, or if the id or the user contains an escape
 */
export function readPlainDocument(bytes: Buffer, start: number, end: number): PlainDocument | null {
  if (!startsWith(bytes, start, ID)) return null;
  const idStart = start + ID.length;
  let idEnd = idStart;
  for (;;) {
    const byte = bytes[idEnd];
    if (byte === QUOTE) break;
    if (byte === BACKSLASH || idEnd >= end) return null;
    idEnd++;
  }
  if (!startsWith(bytes, idEnd, SESS)) return null;
  const jsonStart = idEnd + SESS.length - 1;

  if (bytes[end - 1] !== CLOSE_BRACE) return null;
  const unused = startsWith(bytes, end - 1 - UNUSED.length, UNUSED);
  const user = userBefore(bytes, end - 1 - (unused ? UNUSED.length : 0));
  if (user === null) return null;
  let last = numberBefore(bytes, user.start);
  let createdAt: number | undefined;
  if (startsWith(bytes, last.start - CREATED.length, CREATED)) {
    createdAt = last.value;
    last = numberBefore(bytes, last.start - CREATED.length);
  }
  const jsonEnd = last.start - EXPIRES.length;
  if (jsonEnd <= jsonStart || !startsWith(bytes, jsonEnd, EXPIRES)) return null;
  if (bytes[jsonStart] !== OPEN_BRACE || bytes[jsonEnd - 1] !== CLOSE_BRACE) return null;
  return {
    sid: bytes.toString("utf8", idStart, idEnd),
    session: {
      json: bytes.toString("utf8", jsonStart, jsonEnd),
      cookie: null,
      expiresAt: last.value,
      createdAt,
      user: user.text,
      unused: unused || undefined,
    },
    idStart,
    idBytes: idEnd - idStart,
  };
}

/** The decimal number that ends before `end`. */
function numberBefore(bytes: Buffer, end: number): { value: number; start: number } {
  let start = end;
  let value = 0;
  for (let unit = 1; ; unit *= 10) {
    const byte = bytes[start - 1] ?? 0;
    if (byte < DIGIT_0 || byte > DIGIT_9) return { value, start };
    value += (byte - DIGIT_0) * unit;
    start--;
  }
}

/**
 * The user in the field that ends before `end`, and where that field starts; no text if there is
 * none, null if it cannot be read here.
 */
function userBefore(bytes: Buffer, end: number): { text?: string; start: number } | null {
  if (bytes[end - 1] !== QUOTE) return { start: end };
  let quote = end - 2;
  while (quote > 0 && bytes[quote] !== QUOTE) if (bytes[quote--] === BACKSLASH) return null;
  const start = quote - USER.length;
  if (!startsWith(bytes, start, USER)) return null;
  return { text: bytes.toString("utf8", quote + 1, end - 1), start };
}
