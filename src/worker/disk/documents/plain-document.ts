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
import type { SessionDocument } from "./document.js";

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

/**
 * Reads `{"_id":"…","sess":{…},"expiresAt":…}` from `start` to `end`.
 * @returns null if the bytes are anything else, or if the id contains an escape
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

  let digits = end - 1;
  if (bytes[digits] !== CLOSE_BRACE) return null;
  let expiresAt = 0;
  for (let unit = 1; ; unit *= 10) {
    const byte = bytes[--digits] ?? 0;
    if (byte < DIGIT_0 || byte > DIGIT_9) break;
    expiresAt += (byte - DIGIT_0) * unit;
  }
  const jsonEnd = digits + 1 - EXPIRES.length;
  if (jsonEnd <= jsonStart || !startsWith(bytes, jsonEnd, EXPIRES)) return null;
  if (bytes[jsonStart] !== OPEN_BRACE || bytes[jsonEnd - 1] !== CLOSE_BRACE) return null;
  return {
    sid: bytes.toString("utf8", idStart, idEnd),
    session: { json: bytes.toString("utf8", jsonStart, jsonEnd), cookie: null, expiresAt },
    idStart,
    idBytes: idEnd - idStart,
  };
}
