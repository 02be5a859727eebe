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
import { COMMA, formatChecksum, OPEN_BRACE, QUOTE, startsWith } from "../lines/ascii.js";

/**
 * Stores the whole document of a session, replacing any with the same id.
 * @param by the mark of the guest's write that this is, if it is one
 */
export function insertRecord(
  now: number,
  sid: string,
  session: SessionDocument,
  by?: string,
): string {
  return insertTextRecord(now, sid, documentText(sid, session), by);
}

/** Stores a document that is given as JSON text. */
export function insertTextRecord(now: number, id: string, document: string, by?: string): string {
  return `{"op":"insert","ts":${now}${byMember(by)},"id":${JSON.stringify(id)},"doc":${document}}`;
}

/** Marks consist of digits, letters, dots and the spaces between them. */
function byMember(by: string | undefined): string {
  return by === undefined ? "" : `,"by":"${by}"`;
}

/** Moves the expiry of a session, and replaces its cookie if there is a newer one. */
export function touchRecord(now: number, sid: string, session: SessionDocument): string {
  const { cookie, expiresAt } = session;
  const cookieMember = cookie === null ? "" : `,"${cookiePath(session)}":${cookie}`;
  return updateRecord(now, sid, `{"expiresAt":${expiresAt}${cookieMember}}`);
}

export function deleteRecord(now: number, id: string, by?: string): string {
  return `{"op":"delete","ts":${now}${byMember(by)},"id":${JSON.stringify(id)}}`;
}

/** Says that these writes of guests have been executed. An update that updates nothing. */
export function marksRecord(now: number, by: string): string {
  return updateRecord(now, "", "{}", by);
}

/** @param set the new fields, as JSON text */
function updateRecord(now: number, id: string, set: string, by?: string): string {
  const updatedAt = new Date(now).toISOString();
  return (
    `{"op":"update","ts":${now}${byMember(by)},"id":${JSON.stringify(id)},` +
    `"set":${set},"unset":[],"inc":{},"updatedAt":"${updatedAt}"}`
  );
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

/** A record: the change that it makes, or none, and the marks that it has. */
interface Decoded {
  readonly change: Change | null;
  readonly by?: string;
}

export type DecodedLine =
  (Decoded & { readonly encrypted: boolean }) | { readonly fault: LineFault };

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
    const decoded = decodeOwnInsert(line, end);
    if (decoded !== null) return { ...decoded, encrypted };
  }
  const decoded = decodeAny(line, checked);
  return decoded === null ? { fault: "damaged" } : { ...decoded, encrypted };
}

const INSERT_PREFIX = Buffer.from('{"op":"insert","ts":');
const BY_MEMBER = Buffer.from(',"by":"');
const ID_MEMBER = Buffer.from(',"id":"');
const DOC_MEMBER = Buffer.from(',"doc":');

/** Decodes an insert by {@link insertRecord} without parsing; its document ends at `end`. */
function decodeOwnInsert(line: Buffer, end: number): Decoded | null {
  if (!startsWith(line, 0, INSERT_PREFIX)) return null;
  let at = INSERT_PREFIX.length;
  while (at < end && line[at] !== COMMA) at++;
  let by: string | undefined;
  if (startsWith(line, at, BY_MEMBER)) {
    const start = at + BY_MEMBER.length;
    at = line.indexOf(QUOTE, start) + 1;
    by = line.toString("latin1", start, at - 1);
  }
  if (!startsWith(line, at, ID_MEMBER)) return null;
  const idStart = at + ID_MEMBER.length;
  const document = line.indexOf(DOC_MEMBER, idStart);
  if (document === -1) return null;
  const found = readPlainDocument(line, document + DOC_MEMBER.length, end);
  if (found === null) return null;
  const { sid, session, idStart: start, idBytes } = found;
  // The record and the document must have the same id.
  if (line.compare(line, start, start + idBytes, idStart, document - 1) !== 0) return null;
  const change: Change = { op: "store", sid, session };
  return by === undefined ? { change } : { change, by };
}

/** The fields of lite-nosql's records. */
const FIELDS = new Set(["op", "ts", "id", "doc", "set", "unset", "inc", "updatedAt"]);

/** Decodes any record of lite-nosql; null if it is invalid. */
function decodeAny(line: Buffer, checked: boolean): Decoded | null {
  // A foreign file may have very many lines, and an exception for each would take long.
  if (!line.includes(OPEN_BRACE)) return null;
  let value: unknown;
  try {
    value = JSON.parse(line.toString());
  } catch {
    return null;
  }
  if (!isJsonObject(value)) return null;
  const { id, by } = value;
  if (typeof id !== "string") return null;
  // lite-nosql writes no other fields: another one is a checksum whose name is damaged.
  if (!checked && Object.keys(value).some((name) => !FIELDS.has(name))) return null;
  // Only this store has marks, and its records have checksums.
  const marks = checked && typeof by === "string" ? by : undefined;
  const change = readChange(id, value);
  if (marks === undefined) return change === null ? null : { change };
  return { change: change?.op === "update" ? null : change, by: marks };
}

function readChange(id: string, record: JsonObject): Change | null {
  const { op, doc, ts } = record;
  if (op === "delete") return { op, id, ts: typeof ts === "number" ? ts : 0 };
  if (op === "insert") return isJsonObject(doc) ? { op, id, document: doc } : null;
  if (op === "update") return { op, id, patch: readPatch(record) };
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
