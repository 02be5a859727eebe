/**
 * The snapshot file, read as a stream, plain or as one envelope. Judges and reports; what becomes of
 * damage is the caller's decision.
 */
import { DATA_OFFSET, isEnvelope, type Key, parseEnvelopeHead } from "./cipher.js";
import type { OpenFile } from "./files.js";
import type { Keyring } from "./keyring.js";
import { type ByteSource, type Line, scanLines } from "./line-scanner.js";
import { ELEMENT_START, findForeignElements, findNeighbors } from "./salvage.js";
import {
  checksumSeal,
  decodeElement,
  type ElementReading,
  macSeal,
  type SnapshotElement,
} from "./snapshot-element.js";

/** The first characters of a snapshot: enough to see whether a key is the right one. */
export const SNAPSHOT_PREFIX = '{"version":';

/** Damaged bytes of a file. For an envelope, all of it. */
export interface DamagedRange {
  readonly start: number;
  readonly end: number;
}

export type SnapshotReading =
  | { readonly state: "absent" }
  /** An envelope, and no key at hand. */
  | { readonly state: "sealed" }
  /** An envelope under none of the keys. */
  | { readonly state: "unknown-key" }
  /** An envelope whose content was changed, in which no element is sealed by itself. */
  | { readonly state: "unverifiable" }
  | {
      readonly state: "read";
      readonly encrypted: boolean;
      readonly bytes: number;
      readonly version: number;
      readonly damage: readonly DamagedRange[];
    };

/** Reads a snapshot, calling back for each whole element in order. */
export async function readSnapshot(
  file: OpenFile | null,
  keyring: Keyring | null,
  fallbackExpiry: number,
  onElement: (element: SnapshotElement) => void,
): Promise<SnapshotReading> {
  if (file === null) return { state: "absent" };
  const bytes = await file.size();
  const head = Buffer.alloc(DATA_OFFSET + 64);
  const headBytes = head.subarray(0, await file.read(head, 0));
  if (!isEnvelope(headBytes)) {
    const reading = { seal: checksumSeal, policy: "optional", fallbackExpiry } as const;
    const parsed = await parse(plainSource(file), reading, onElement);
    const damage =
      bytes > 0 && parsed.complete ? parsed.damage : [...parsed.damage, truncation(bytes)];
    return { state: "read", encrypted: false, bytes, version: parsed.version, damage };
  }
  if (keyring === null) return { state: "sealed" };
  const key = keyring.keyFor(headBytes, SNAPSHOT_PREFIX);
  if (key === null) return { state: "unknown-key" };

  const whole = await isAuthentic(file, bytes, key);
  const reading: ElementReading = {
    seal: macSeal(key),
    policy: whole ? "checked" : "required",
    fallbackExpiry,
  };
  let elements = 0;
  const parsed = await parse(sealedSource(file, bytes, key), reading, (element) => {
    elements++;
    onElement(element);
  });
  if (!whole && elements === 0) return { state: "unverifiable" };
  const damage = whole ? [] : [{ start: 0, end: bytes }];
  return { state: "read", encrypted: true, bytes, version: parsed.version, damage };
}

/** The missing end of a snapshot: nothing is left to set aside, but it must not go unsaid. */
function truncation(bytes: number): DamagedRange {
  return { start: bytes, end: bytes };
}

const HEAD = /^\{"version":(\d+)/;
const DOCS = Buffer.from('"docs":[');
const COMMA = 0x2c;
/** After the last element. */
const TAIL = /^\](?:,"[a-z]+":[^\]]*)?\}$/;

async function parse(
  source: ByteSource,
  reading: ElementReading,
  onElement: (element: SnapshotElement) => void,
): Promise<{ version: number; complete: boolean; damage: DamagedRange[] }> {
  const damage: DamagedRange[] = [];
  let version = 0;
  let complete = false;
  let first = true;

  const decode = (bytes: Buffer): SnapshotElement | null => decodeElement(bytes, reading);

  await scanLines(source, ({ bytes, start, end }: Line) => {
    if (bytes === null) {
      damage.push({ start, end });
      return;
    }
    let pieces;
    if (first) {
      first = false;
      version = Number(HEAD.exec(bytes.toString("latin1", 0, 64))?.[1] ?? 0);
      const docs = bytes.indexOf(DOCS);
      const from = docs === -1 ? 0 : docs + DOCS.length;
      // Our own start on the line below.
      if (from === bytes.length) return;
      pieces = findForeignElements(bytes, from, decode);
    } else {
      const comma = bytes.length > 0 && bytes[bytes.length - 1] === COMMA;
      const whole = decode(comma ? bytes.subarray(0, -1) : bytes);
      if (whole !== null) {
        onElement(whole);
        return;
      }
      pieces = findNeighbors(bytes, ELEMENT_START, decode);
    }
    for (const element of pieces.found) onElement(element);
    for (const gap of pieces.gaps) {
      const text = bytes.toString("latin1", gap.start, Math.min(gap.end, gap.start + 64));
      if (TAIL.test(text)) complete = true;
      else damage.push({ start: start + gap.start, end: start + gap.end });
    }
  });
  return { version, complete, damage };
}

function plainSource(file: OpenFile): ByteSource {
  let position = 0;
  return async (target) => {
    const read = await file.read(target, position);
    position += read;
    return read;
  };
}

/** The bytes of an envelope's content. Not authenticated: see {@link isAuthentic}. */
function sealedSource(file: OpenFile, bytes: number, key: Key): ByteSource {
  const contents = decrypt(file, bytes, key, () => true);
  let rest: Buffer = Buffer.alloc(0);
  return async (target) => {
    while (rest.length === 0) {
      const next = await contents.next();
      if (next.done === true) return 0;
      rest = next.value;
    }
    const taken = rest.copy(target);
    rest = rest.subarray(taken);
    return taken;
  };
}

/** Whether the tag of an envelope is right, without keeping its content. */
async function isAuthentic(file: OpenFile, bytes: number, key: Key): Promise<boolean> {
  let authentic = false;
  const contents = decrypt(file, bytes, key, (whole) => (authentic = whole));
  while ((await contents.next()).done !== true);
  return authentic;
}

const BASE64_CHUNK_BYTES = 1024 * 1024;

/** Base64 to bytes, as many as there must be: a damaged character costs only the bytes it stands for. */
function decodeBase64(text: string): Buffer {
  const data = Buffer.from(text, "base64");
  // Other characters are skipped and `=` ends it, which would shift or cut all that follows.
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  if (data.length >= Math.floor((text.length * 3) / 4) - padding) return data;
  return Buffer.from(text.replace(/[^A-Za-z0-9+/]/g, "A"), "base64");
}

async function* decrypt(
  file: OpenFile,
  bytes: number,
  key: Key,
  onEnd: (authentic: boolean) => void,
): AsyncGenerator<Buffer, void, undefined> {
  const head = Buffer.alloc(DATA_OFFSET);
  await file.read(head, 0);
  const { iv, tag } = parseEnvelopeHead(head);
  const decipher = key.decipher(iv);
  const chunk = Buffer.allocUnsafeSlow(BASE64_CHUNK_BYTES);
  let filled = 0;
  for (let position = DATA_OFFSET; position < bytes;) {
    const read = await file.read(chunk.subarray(filled), position);
    if (read === 0) break;
    position += read;
    filled += read;
    // Four characters are three bytes; only the end of the file may have fewer.
    const usable = position < bytes ? filled - (filled % 4) : filled;
    yield decipher.update(decodeBase64(chunk.toString("latin1", 0, usable)));
    chunk.copyWithin(0, usable, filled);
    filled -= usable;
  }
  decipher.setAuthTag(tag);
  try {
    decipher.final();
    onEnd(true);
  } catch {
    onEnd(false);
  }
}
