/**
 * Encodes and decodes the elements of a snapshot: lite-nosql's `[id, document]` pairs. Ours have a
 * third value, which lite-nosql ignores: a checksum of the bytes before it or, in an encrypted
 * snapshot, a MAC. It shows which elements of a damaged file are intact.
 */
import { crc32 } from "node:zlib";

import type { Change } from "../documents/change.js";
import { isJsonObject } from "../documents/document.js";
import { readPlainDocument } from "../documents/plain-document.js";
import type { Key } from "../keys/cipher.js";
import { formatChecksum } from "../lines/ascii.js";

/** @param key null for a checksum, which detects accidental damage only: anyone can compute it */
export function encodeElement(id: string, documentText: string, key: Key | null): string {
  const body = `[${JSON.stringify(id)},${documentText}`;
  const element = Buffer.from(body);
  return `${body},"${key === null ? checksumOf(element) : key.mac(element)}"]`;
}

function checksumOf(element: Buffer): string {
  return formatChecksum(crc32(element));
}

/** Whether an element has the third value that it must have. */
export type Verify = (element: Buffer, seal: string) => boolean;

export const verifyChecksum: Verify = (element, seal) => checksumOf(element) === seal;

/** `,"` + seal + `"]`: a checksum has 8 hex digits, a MAC 16. */
const SEAL_AT_END = /,"((?:[0-9a-f]{8}){1,2})"\]$/;
const LONGEST_SEAL_BYTES = 2 + 16 + 2;
const DOCUMENT_START = Buffer.from(',{"_id":"');

/**
 * Decodes one of our own elements.
 * @param verify null to skip verification, if the tag of the whole file is right
 * @returns null if the bytes are not a whole element
 */
export function decodeElement(bytes: Buffer, verify: Verify | null): Change | null {
  const tail = SEAL_AT_END.exec(
    bytes.toString("latin1", Math.max(0, bytes.length - LONGEST_SEAL_BYTES)),
  );
  if (tail === null) return null;
  const bodyEnd = bytes.length - tail[0].length;
  const body = bytes.subarray(0, bodyEnd);
  if (verify !== null && !verify(body, tail[1] ?? "")) return null;
  const document = body.indexOf(DOCUMENT_START);
  if (document !== -1) {
    const found = readPlainDocument(body, document + 1, bodyEnd);
    // Before it is `["` + id + `"`, with the same id as in the document.
    if (found !== null && document === found.idBytes + 3) {
      return { op: "store", sid: found.sid, session: found.session };
    }
  }
  return parseElement(bytes, 3);
}

/** Decodes an element of lite-nosql, which has no seal; null if it is not a whole one. */
export function decodeForeignElement(bytes: Buffer): Change | null {
  return parseElement(bytes, 2);
}

function parseElement(bytes: Buffer, values: number): Change | null {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    return null;
  }
  if (!Array.isArray(value) || value.length !== values) return null;
  const [id, document] = value as unknown[];
  if (typeof id !== "string" || !isJsonObject(document)) return null;
  return { op: "insert", id, document };
}
