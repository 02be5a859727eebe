/**
 * Encodes and decodes the lines of the journal, which are lite-nosql's records. Our own records end
 * with a checksum of the bytes before it, in a field that lite-nosql ignores. An encrypted line is
 * the envelope of a record.
 */
import { crc32 } from "node:zlib";

import type { Change, Patch } from "../documents/change.js";
import {
  cookiePath,
  documentText,
  isJsonObject,
  type JsonObject,
  type SessionDocument,
} from "../documents/document.js";
import { readPlainDocument } from "../documents/plain-document.js";
import { DATA_OFFSET, isEnvelope } from "../keys/cipher.js";
import type { Keyring } from "../keys/keyring.js";
import { COMMA, formatChecksum, OPEN_BRACE, startsWith } from "../lines/ascii.js";

/** Stores the whole document of a session, replacing any with the same id. */
export function insertRecord(now: number, sid: string, session: SessionDocument): string {
  return insertTextRecord(now, sid, documentText(sid, session));
}

/** Stores a document that is given as JSON text. */
export function insertTextRecord(now: number, id: string, document: string): string {
  return `{"op":"insert","ts":${now},"id":${JSON.stringify(id)},"doc":${document}}`;
}

/** Moves the expiry of a session, and replaces its cookie if there is a newer one. */
export function touchRecord(now: number, sid: string, session: SessionDocument): string {
  const { cookie, expiresAt } = session;
  const cookieMember = cookie === null ? "" : `,"${cookiePath(session)}":${cookie}`;
  const set = `{"expiresAt":${expiresAt}${cookieMember}}`;
  const updatedAt = new Date(now).toISOString();
  return (
    `{"op":"update","ts":${now},"id":${JSON.stringify(sid)},` +
    `"set":${set},"unset":[],"inc":{},"updatedAt":"${updatedAt}"}`
  );
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

/** Why a line is not a record. `sealed`: it is an envelope, but there is no key. */
export type LineFault = "damaged" | "sealed" | "unknown-key";

export type DecodedLine =
  { readonly change: Change; readonly encrypted: boolean } | { readonly fault: LineFault };

const RECORD_PREFIX = '{"op":"';
/** Base64 characters that encode the prefix; a torn envelope may have fewer. */
const PREFIX_CHARS = 12;

/** Reads a line of the journal, without its `\n`. */
export function decodeLine(line: Buffer, keyring: Keyring | null): DecodedLine {
  if (!isEnvelope(line)) return decodePlain(line, false);
  if (keyring === null) return { fault: "sealed" };
  const content = keyring.open(line);
  if (content !== null) return decodePlain(content, true);
  const isOurs =
    line.length < DATA_OFFSET + PREFIX_CHARS || keyring.keyFor(line, RECORD_PREFIX) !== null;
  return { fault: isOurs ? "damaged" : "unknown-key" };
}

function decodePlain(line: Buffer, encrypted: boolean): DecodedLine {
  const end = line.length - CHECKSUM_BYTES;
  const checked = startsWith(line, end, CHECKSUM_FIELD);
  if (checked) {
    const checksum = formatChecksum(crc32(line.subarray(0, end)));
    if (line.toString("latin1", end) !== `,"crc":"${checksum}"}`) return { fault: "damaged" };
    // The shortcut relies on the exact format of our own lines, which the checksum proves.
    const change = decodeOwnInsert(line, end);
    if (change !== null) return { change, encrypted };
  }
  const change = decodeAny(line, checked);
  return change === null ? { fault: "damaged" } : { change, encrypted };
}

const INSERT_PREFIX = Buffer.from('{"op":"insert","ts":');
const ID_MEMBER = Buffer.from(',"id":"');
const DOC_MEMBER = Buffer.from(',"doc":');

/** Decodes an insert by {@link insertRecord} without parsing; its document ends at `end`. */
function decodeOwnInsert(line: Buffer, end: number): Change | null {
  if (!startsWith(line, 0, INSERT_PREFIX)) return null;
  let at = INSERT_PREFIX.length;
  while (at < end && line[at] !== COMMA) at++;
  if (!startsWith(line, at, ID_MEMBER)) return null;
  const idStart = at + ID_MEMBER.length;
  const document = line.indexOf(DOC_MEMBER, idStart);
  if (document === -1) return null;
  const found = readPlainDocument(line, document + DOC_MEMBER.length, end);
  if (found === null) return null;
  const { sid, session, idStart: start, idBytes } = found;
  // The record and the document must have the same id.
  if (line.compare(line, start, start + idBytes, idStart, document - 1) !== 0) return null;
  return { op: "store", sid, session };
}

/** The fields of lite-nosql's records. */
const FIELDS = new Set(["op", "ts", "id", "doc", "set", "unset", "inc", "updatedAt"]);

/** Decodes any record of lite-nosql; null if it is invalid. */
function decodeAny(line: Buffer, checked: boolean): Change | null {
  // A foreign file may have very many lines, and an exception for each would take long.
  if (!line.includes(OPEN_BRACE)) return null;
  let value: unknown;
  try {
    value = JSON.parse(line.toString());
  } catch {
    return null;
  }
  if (!isJsonObject(value)) return null;
  const { op, id, doc } = value;
  if (typeof id !== "string") return null;
  // lite-nosql writes no other fields: another one is a checksum whose name is damaged.
  if (!checked && Object.keys(value).some((name) => !FIELDS.has(name))) return null;
  if (op === "delete") return { op, id };
  if (op === "insert") return isJsonObject(doc) ? { op, id, document: doc } : null;
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
