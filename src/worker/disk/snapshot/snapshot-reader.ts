/**
 * Reads the snapshot file, plaintext or one envelope, as a stream. The caller decides what to do
 * about damage.
 */
import type { ReadableFile } from "../../ports/files.js";
import type { Change } from "../documents/change.js";
import { DATA_OFFSET, decodeBase64, isDamagedEnvelope, isEnvelope } from "../keys/cipher.js";
import type { Keyring } from "../keys/keyring.js";
import type { ByteRange } from "../lines/damaged-ranges.js";
import { type ByteSource, fileSource, readAll } from "../lines/line-scanner.js";
import { scanElements } from "../shapes/foreign-snapshot.js";
import {
  decodeElement,
  decodeForeignElement,
  type Verify,
  verifyChecksum,
} from "./snapshot-element.js";
import { authenticate, sealedSource, skipOthers } from "./snapshot-envelope.js";
import { type Contents, readLines } from "./snapshot-lines.js";

/** The first characters of every snapshot, by which the right key is recognized. */
const SNAPSHOT_PREFIX = '{"version":';

export type SnapshotReading =
  | { readonly state: "absent" }
  /** An envelope, but there is no key. */
  | { readonly state: "sealed" }
  /** An envelope that no key opens. */
  | { readonly state: "unknown-key" }
  /** Damaged, and no element can be verified. */
  | { readonly state: "unverifiable" }
  | {
      readonly state: "read";
      readonly encrypted: boolean;
      readonly bytes: number;
      readonly version: number;
      /** Ranges of the file: the whole file if it is a damaged envelope. */
      readonly damage: readonly ByteRange[];
    };

type OnChange = (change: Change) => void;

/** Reads a snapshot, calling back for each whole element in order. */
export async function readSnapshot(
  file: ReadableFile | null,
  keyring: Keyring | null,
  onChange: OnChange,
): Promise<SnapshotReading> {
  if (file === null) return { state: "absent" };
  const head = Buffer.alloc(DATA_OFFSET + 64);
  const headBytes = head.subarray(0, await file.read(head, 0));
  if (!isEnvelope(headBytes) && !isDamagedEnvelope(headBytes)) return readPlain(file, onChange);
  if (keyring === null) return { state: "sealed" };
  return readEncrypted(file, headBytes, keyring, onChange);
}

async function readPlain(file: ReadableFile, onChange: OnChange): Promise<SnapshotReading> {
  const bytes = await file.size();
  const contents = await readContents(() => fileSource(file), verifyChecksum, onChange);
  if (bytes > 0 && contents.isHopeless) return { state: "unverifiable" };
  const { version, damage } = contents;
  return { state: "read", encrypted: false, bytes, version, damage };
}

async function readEncrypted(
  file: ReadableFile,
  head: Buffer,
  keyring: Keyring,
  onChange: OnChange,
): Promise<SnapshotReading> {
  const bytes = await file.size();
  // If the beginning is damaged, try each key on the elements.
  const likely = keyring.keyFor(head, SNAPSHOT_PREFIX);
  for (const key of likely === null ? keyring.keys : [likely]) {
    const { whole, exact } = await authenticate(file, bytes, key);
    const open = (): ByteSource =>
      sealedSource(file, bytes, key, whole ? skipOthers : decodeBase64);
    // Unlike a checksum, only the holder of the key can compute what is verified here.
    const verify: Verify = (element, mac) => key.verifyMac(element, mac);
    const contents = whole
      ? await readContents(open, null, onChange)
      : await readLines(open(), (bytes) => decodeElement(bytes, verify), onChange);
    if (!whole && contents.elements === 0) continue;
    if (contents.isHopeless) break;
    const damage = !whole || contents.damage.length > 0 ? [{ start: 0, end: bytes }] : [];
    // What was inserted between its characters is skipped, but not by lite-nosql.
    if (!exact && damage.length === 0) damage.push({ start: bytes, end: bytes });
    return {
      state: "read",
      encrypted: true,
      bytes,
      version: contents.version,
      damage,
    };
  }
  return { state: likely === null ? "unknown-key" : "unverifiable" };
}

/**
 * Reads the content of a snapshot, whoever wrote it.
 * @param verify null to skip the verification of seals: a tag has proven all of it
 */
async function readContents(
  open: () => ByteSource,
  verify: Verify | null,
  onChange: OnChange,
): Promise<Contents> {
  const own = await readLines(open(), (bytes) => decodeElement(bytes, verify), onChange);
  if (own.elements > 0) return own;
  // Perhaps one of lite-nosql, with line breaks like ours: not one element of ours is left.
  if (own.isOurs) return readLines(open(), decodeForeignElement, onChange);
  return readForeign(open(), verify, onChange);
}

const VERSION = /^\{"version":(\d+)/;
const VERSION_BYTES = 32;

const TOO_LONG: Contents = { version: 0, elements: 0, damage: [], isHopeless: true };

/** Reads a snapshot that is all on one line, in memory, as lite-nosql itself does. */
async function readForeign(
  source: ByteSource,
  verify: Verify | null,
  onChange: OnChange,
): Promise<Contents> {
  const text = await readAll(source);
  if (text === null) return TOO_LONG;
  const own = readElements(text, (bytes) => decodeElement(bytes, verify), onChange);
  return own.elements > 0 ? own : readElements(text, decodeForeignElement, onChange);
}

function readElements(
  text: Buffer,
  decode: (element: Buffer) => Change | null,
  onChange: OnChange,
): Contents {
  let elements = 0;
  const { damage, complete } = scanElements(text, (bytes) => {
    const change = decode(bytes);
    if (change === null) return isJson(bytes) ? "other" : "broken";
    elements++;
    onChange(change);
    return "element";
  });
  if (!complete) damage.push({ start: text.length, end: text.length });
  return {
    version: Number(VERSION.exec(text.toString("latin1", 0, VERSION_BYTES))?.[1] ?? 0),
    elements,
    damage,
    isHopeless: elements === 0 && damage.length > 0,
  };
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString());
    return true;
  } catch {
    return false;
  }
}
