/**
 * The lines of the journal: lite-nosql's records, one a line, to text and back. A record of our own
 * ends in a checksum over the bytes before it, a field that lite-nosql ignores. An encrypted line is
 * the envelope of a record.
 */
import { crc32 } from "node:zlib";

import { DATA_OFFSET, isEnvelope } from "../keys/cipher.js";
import {
  cookiePath,
  documentText,
  isJsonObject,
  type JsonObject,
  readDocument,
  type SessionDocument,
  type StoredDocument,
} from "../documents/document.js";
import { formatChecksum, parseChecksum } from "../lines/checksum.js";
import { readPlainDocument, startsWith } from "../documents/plain-document.js";
import type { Keyring } from "../keys/keyring.js";
import type { Patch } from "../documents/patch.js";

/** A record of the journal. `id` is the document's. */
export type JournalRecord =
  | { readonly op: "insert"; readonly id: string; readonly document: StoredDocument }
  | { readonly op: "update"; readonly id: string; readonly patch: Patch }
  | { readonly op: "delete"; readonly id: string };

/** Puts the whole document, replacing one with that id. */
export function insertRecord(now: number, sid: string, session: SessionDocument): string {
  const id = JSON.stringify(session.origin?.id ?? sid);
  const document = documentText(sid, session);
  return `{"op":"insert","ts":${now},"id":${id},"doc":${document}}`;
}

/** Puts a document that is no session, given as JSON text. */
export function insertOtherRecord(now: number, id: string, json: string): string {
  return `{"op":"insert","ts":${now},"id":${JSON.stringify(id)},"doc":${json}}`;
}

/** Moves the expiry and, where a newer cookie is laid over the session, that. */
export function touchRecord(now: number, sid: string, session: SessionDocument): string {
  const id = JSON.stringify(session.origin?.id ?? sid);
  const { cookie, expiresAt } = session;
  const cookieMember = cookie === null ? "" : `,"${cookiePath(session)}":${cookie}`;
  const set = `{"expiresAt":${expiresAt}${cookieMember}}`;
  const updatedAt = new Date(now).toISOString();
  return `{"op":"update","ts":${now},"id":${id},"set":${set},"unset":[],"inc":{},"updatedAt":"${updatedAt}"}`;
}

export function deleteRecord(now: number, id: string): string {
  return `{"op":"delete","ts":${now},"id":${JSON.stringify(id)}}`;
}

const CHECKSUM_FIELD = Buffer.from(',"crc":"');
/** `,"crc":"` + 8 hex digits + `"}` */
const CHECKSUM_BYTES = CHECKSUM_FIELD.length + 8 + 2;

/** A record as a line of the journal, without its `\n`. */
export function encodeLine(record: string, keyring: Keyring | null): string {
  const body = record.slice(0, -1);
  const line = `${body},"crc":"${formatChecksum(crc32(body))}"}`;
  return keyring === null ? line : keyring.first.seal(line);
}

/** Why a line gave no record. `sealed`: an envelope, and no key to try on it. */
export type LineFault = "damaged" | "sealed" | "unknown-key";

export type DecodedLine =
  { readonly record: JournalRecord; readonly encrypted: boolean } | { readonly fault: LineFault };

const RECORD_PREFIX = '{"op":"';
/** Base64 characters that have the prefix in them; a torn envelope may have fewer. */
const PREFIX_CHARS = 12;

/** Reads a line of the journal, without its `\n`. */
export function decodeLine(
  line: Buffer,
  keyring: Keyring | null,
  fallbackExpiry: number,
): DecodedLine {
  if (!isEnvelope(line)) return decodePlain(line, false, fallbackExpiry);
  if (keyring === null) return { fault: "sealed" };
  if (line.length < DATA_OFFSET + PREFIX_CHARS) return { fault: "damaged" };
  const content = keyring.open(line);
  if (content !== null) return decodePlain(content, true, fallbackExpiry);
  const known =
    keyring.keyFor(line, RECORD_PREFIX) !== null || keyring.explainsIv(line, RECORD_PREFIX);
  return { fault: known ? "damaged" : "unknown-key" };
}

/** The content of a line that is an envelope, whole or not; null where no key fits. */
export function peekLine(line: Buffer, keyring: Keyring | null): Buffer | null {
  return keyring?.keyFor(line, RECORD_PREFIX)?.peek(line, line.length) ?? null;
}

/** Whether a record that was read had a checksum, as all of our own have. */
export function hasChecksum(line: Buffer): boolean {
  return startsWith(line, line.length - CHECKSUM_BYTES, CHECKSUM_FIELD);
}

function decodePlain(line: Buffer, encrypted: boolean, fallbackExpiry: number): DecodedLine {
  let end = line.length;
  let checked = false;
  if (hasChecksum(line)) {
    end -= CHECKSUM_BYTES;
    checked = true;
    const checksum = parseChecksum(line, end + CHECKSUM_FIELD.length);
    if (checksum !== crc32(line.subarray(0, end))) return { fault: "damaged" };
    if (line[line.length - 2] !== QUOTE || line[line.length - 1] !== CLOSE_BRACE) {
      return { fault: "damaged" };
    }
    // Only a line that is proven to be our own, byte for byte, is worth the shortcut.
    const record = decodeOwnInsert(line, end);
    if (record !== null) return { record, encrypted };
  }
  const record = decodeAny(line, checked, fallbackExpiry);
  return record === null ? { fault: "damaged" } : { record, encrypted };
}

const INSERT_PREFIX = Buffer.from('{"op":"insert","ts":');
const ID_MEMBER = Buffer.from(',"id":"');
const DOC_MEMBER = Buffer.from(',"doc":');
const QUOTE = 0x22;
const COMMA = 0x2c;
const CLOSE_BRACE = 0x7d;

/** The shortcut: an insert as {@link insertRecord} writes it, `end` at its last brace. */
function decodeOwnInsert(line: Buffer, end: number): JournalRecord | null {
  if (!startsWith(line, 0, INSERT_PREFIX)) return null;
  let at = INSERT_PREFIX.length;
  while (at < end && line[at] !== COMMA) at++;
  if (!startsWith(line, at, ID_MEMBER)) return null;
  const idStart = at + ID_MEMBER.length;
  const document = line.indexOf(DOC_MEMBER, idStart);
  if (document === -1) return null;
  const found = readPlainDocument(line, document + DOC_MEMBER.length, end);
  if (found === null) return null;
  // The id stands in the record and in the document.
  if (
    line.compare(line, found.idStart, found.idStart + found.idBytes, idStart, document - 1) !== 0
  ) {
    return null;
  }
  return { op: "insert", id: found.document.sid, document: found.document };
}

/** The fields of lite-nosql's records. */
const FIELDS = new Set(["op", "ts", "id", "doc", "set", "unset", "inc", "updatedAt"]);

/** Any record of lite-nosql, or null where it is none. */
function decodeAny(line: Buffer, checked: boolean, fallbackExpiry: number): JournalRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(line.toString());
  } catch {
    return null;
  }
  if (!isJsonObject(value)) return null;
  const { op, id } = value;
  if (typeof id !== "string") return null;
  // lite-nosql writes no other fields: one more is a checksum whose name was hit, along with a value.
  if (!checked && Object.keys(value).some((name) => !FIELDS.has(name))) return null;
  if (op === "delete") return { op, id };
  if (op === "insert") {
    const { doc } = value;
    if (!isJsonObject(doc)) return null;
    return { op, id, document: readDocument(id, doc, fallbackExpiry) };
  }
  if (op === "update") return { op, id, patch: readPatch(value) };
  return null;
}

function readPatch(record: JsonObject): Patch {
  const { set, unset, inc, updatedAt } = record;
  return {
    set: isJsonObject(set) ? set : {},
    unset: Array.isArray(unset) ? unset.filter((path) => typeof path === "string") : [],
    inc: isJsonObject(inc) ? inc : {},
    updatedAt,
  };
}
