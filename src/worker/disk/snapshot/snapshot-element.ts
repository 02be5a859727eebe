/**
 * The elements of a snapshot: lite-nosql's `[id, document]` pairs, to text and back. Ours carry a
 * third value, which lite-nosql does not look at: a checksum of the bytes before it, or in an
 * encrypted snapshot a MAC, so that each element can be judged by itself when the file is damaged.
 */
import { crc32 } from "node:zlib";

import { formatChecksum } from "../lines/checksum.js";
import type { Key } from "../keys/cipher.js";
import { isJsonObject, readDocument, type StoredDocument } from "../documents/document.js";
import { readPlainDocument } from "../documents/plain-document.js";
import type { Proof } from "../damage/salvage.js";

/** How the whole elements of a snapshot are told from the damaged ones. */
export interface ElementSeal {
  readonly proof: Proof;
  seal(element: Buffer): string;
  verify(element: Buffer, seal: string): boolean;
}

/** Finds accidents; anyone can make one. */
export const checksumSeal: ElementSeal = {
  proof: "checksum",
  seal: (element) => formatChecksum(crc32(element)),
  verify: (element, seal) => checksumSeal.seal(element) === seal,
};

/** Only who has the key can make one. */
export function macSeal(key: Key): ElementSeal {
  return {
    proof: "key",
    seal: (element) => key.mac(element),
    verify: (element, seal) => key.verifyMac(element, seal),
  };
}

/** An element as text. */
export function encodeElement(id: string, documentText: string, seal: ElementSeal): string {
  const body = `[${JSON.stringify(id)},${documentText}`;
  return `${body},"${seal.seal(Buffer.from(body))}"]`;
}

/** An element that was read. */
export interface SnapshotElement {
  readonly id: string;
  readonly document: StoredDocument;
}

/**
 * How far to believe the bytes. `checked`: a tag over the whole file was right, so seals need not
 * be looked at. `optional`: a seal must be right where there is one; lite-nosql writes none.
 * `required`: only what is sealed counts.
 */
export type SealPolicy = "checked" | "optional" | "required";

export interface ElementReading {
  readonly seal: ElementSeal;
  readonly policy: SealPolicy;
  readonly fallbackExpiry: number;
}

/** `,"` + seal + `"]`: a checksum has 8 hex digits, a MAC 16. */
const SEAL_AT_END = /,"((?:[0-9a-f]{8}){1,2})"\]$/;
const LONGEST_SEAL_BYTES = 2 + 16 + 2;
const DOCUMENT_START = Buffer.from(',{"_id":"');

/** Reads one element from its exact bytes. @returns null where they are no whole element */
export function decodeElement(bytes: Buffer, reading: ElementReading): SnapshotElement | null {
  const tail = SEAL_AT_END.exec(
    bytes.toString("latin1", Math.max(0, bytes.length - LONGEST_SEAL_BYTES)),
  );
  if (tail === null) {
    // A third value that is no seal is one that was hit, perhaps along with the document.
    return reading.policy === "required" ? null : parseElement(bytes, 2, reading.fallbackExpiry);
  }
  const bodyEnd = bytes.length - tail[0].length;
  const body = bytes.subarray(0, bodyEnd);
  if (reading.policy !== "checked" && !reading.seal.verify(body, tail[1] ?? "")) return null;
  const document = body.indexOf(DOCUMENT_START);
  if (document !== -1) {
    const found = readPlainDocument(body, document + 1, bodyEnd);
    // `["` + id + `"`: the id stands in the pair and in the document.
    if (found !== null && document === found.idBytes + 3) {
      return { id: found.document.sid, document: found.document };
    }
  }
  return parseElement(bytes, 3, reading.fallbackExpiry);
}

function parseElement(
  bytes: Buffer,
  values: number,
  fallbackExpiry: number,
): SnapshotElement | null {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    return null;
  }
  if (!Array.isArray(value) || value.length !== values) return null;
  const [id, document] = value as unknown[];
  if (typeof id !== "string" || !isJsonObject(document)) return null;
  return { id, document: readDocument(id, document, fallbackExpiry) };
}
