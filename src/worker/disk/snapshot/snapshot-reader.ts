/**
 * Reads the snapshot file, plaintext or one envelope, as a stream. The caller decides what to do
 * about damage.
 */
import type { OpenFile } from "../../ports/files.js";
import type { Change } from "../documents/change.js";
import { DATA_OFFSET, decodeBase64, isDamagedEnvelope, isEnvelope } from "../keys/cipher.js";
import type { Keyring } from "../keys/keyring.js";
import type { DamagedRange } from "../lines/damaged-ranges.js";
import { type ByteSource, fileSource, readAll } from "../lines/line-scanner.js";
import { scanElements } from "../shapes/foreign-snapshot.js";
import { checksumSeal, decodeForeignElement, macSeal } from "./snapshot-element.js";
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
      readonly damage: readonly DamagedRange[];
    };

type OnChange = (change: Change) => void;

/** Reads a snapshot, calling back for each whole element in order. */
export async function readSnapshot(
  file: OpenFile | null,
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

async function readPlain(file: OpenFile, onChange: OnChange): Promise<SnapshotReading> {
  const bytes = await file.size();
  const own = await readLines(fileSource(file), checksumSeal, onChange);
  const contents = own.isOurs ? own : await readForeign(fileSource(file), onChange);
  if (bytes > 0 && isHopeless(contents)) return { state: "unverifiable" };
  const { version, damage } = contents;
  return { state: "read", encrypted: false, bytes, version, damage };
}

async function readEncrypted(
  file: OpenFile,
  head: Buffer,
  keyring: Keyring,
  onChange: OnChange,
): Promise<SnapshotReading> {
  const bytes = await file.size();
  // If the beginning is damaged, try each key on the elements.
  const likely = keyring.keyFor(head, SNAPSHOT_PREFIX);
  for (const key of likely === null ? keyring.keys : [likely]) {
    const whole = await authenticate(file, bytes, key);
    const open = (): ByteSource =>
      sealedSource(file, bytes, key, whole ? skipOthers : decodeBase64);
    const own = await readLines(open(), whole ? null : macSeal(key), onChange);
    if (!whole && own.elements === 0) continue;
    // Elements of lite-nosql have no seals: only the tag proves them.
    const contents = own.isOurs || !whole ? own : await readForeign(open(), onChange);
    if (isHopeless(contents)) return { state: "unverifiable" };
    const { version, damage } = contents;
    const isDamaged = !whole || damage.length > 0;
    return {
      state: "read",
      encrypted: true,
      bytes,
      version,
      damage: isDamaged ? [{ start: 0, end: bytes, sealed: true }] : [],
    };
  }
  return { state: likely === null ? "unknown-key" : "unverifiable" };
}

/** Whether there is damage, and no element was found. */
function isHopeless({ elements, damage }: Contents): boolean {
  return elements === 0 && damage.length > 0;
}

const VERSION = /^\{"version":(\d+)/;
const VERSION_BYTES = 32;

const TOO_LONG: Contents = {
  version: 0,
  elements: 0,
  damage: [{ start: 0, end: 0, sealed: false }],
};

/** Reads a snapshot of lite-nosql, in memory, as lite-nosql itself does. */
async function readForeign(source: ByteSource, onChange: OnChange): Promise<Contents> {
  const text = await readAll(source);
  if (text === null) return TOO_LONG;
  let elements = 0;
  const { damage, complete } = scanElements(text, (bytes) => {
    const change = decodeForeignElement(bytes);
    if (change === null) return false;
    elements++;
    onChange(change);
    return true;
  });
  if (!complete) damage.push({ start: text.length, end: text.length });
  const version = Number(VERSION.exec(text.toString("latin1", 0, VERSION_BYTES))?.[1] ?? 0);
  return {
    version,
    elements,
    damage: damage.map((range) => ({ ...range, sealed: false })),
  };
}
