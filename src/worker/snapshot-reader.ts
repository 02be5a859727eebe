/**
 * The snapshot file, read as a stream, plain or as one envelope. Judges and reports; what becomes of
 * damage is the caller's decision.
 */
import {
  DATA_OFFSET,
  decodeBase64,
  isDamagedEnvelope,
  isEnvelope,
  type Key,
  parseEnvelopeHead,
} from "./cipher.js";
import type { OpenFile } from "./files.js";
import type { Keyring } from "./keyring.js";
import { type ByteSource, type Line, scanLines } from "./line-scanner.js";
import { ELEMENT_START, findForeignElements, findNeighbors, type Pieces } from "./salvage.js";
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
      /** The elements are whole, but not where they belong: lite-nosql would not read the file. */
      readonly irregular: boolean;
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
  if (!isEnvelope(headBytes) && !isDamagedEnvelope(headBytes)) {
    const reading = { seal: checksumSeal, policy: "optional", fallbackExpiry } as const;
    const parsed = await parse(plainSource(file), reading, onElement);
    const { complete, elements, version, irregular } = parsed;
    if (bytes > 0 && !complete && elements === 0) return { state: "unverifiable" };
    const damage = complete ? parsed.damage : [...parsed.damage, truncation(bytes)];
    return { state: "read", encrypted: false, bytes, version, damage, irregular };
  }
  if (keyring === null) return { state: "sealed" };
  const key =
    keyring.keyFor(headBytes, SNAPSHOT_PREFIX) ?? (await keyOfElements(file, bytes, keyring));
  if (key === null) return { state: "unknown-key" };

  const whole = await isAuthentic(file, bytes, key);
  const reading: ElementReading = {
    seal: macSeal(key),
    policy: whole ? "checked" : "required",
    fallbackExpiry,
  };
  const { elements, version, irregular } = await parse(
    sealedSource(file, bytes, key),
    reading,
    onElement,
  );
  if (!whole && elements === 0) return { state: "unverifiable" };
  const damage = whole ? [] : [{ start: 0, end: bytes }];
  return { state: "read", encrypted: true, bytes, version, damage, irregular };
}

/** The key under which elements are sealed in an envelope whose beginning is damaged. */
async function keyOfElements(file: OpenFile, bytes: number, keyring: Keyring): Promise<Key | null> {
  for (const key of keyring.keys) {
    const reading = { seal: macSeal(key), policy: "required", fallbackExpiry: 0 } as const;
    const { elements } = await parse(sealedSource(file, bytes, key), reading, () => undefined);
    if (elements > 0) return key;
  }
  return null;
}

/** The missing end of a snapshot: nothing is left to set aside, but it must not go unsaid. */
function truncation(bytes: number): DamagedRange {
  return { start: bytes, end: bytes };
}

const HEAD = /^\{"version":(\d+),"ts":\d+,"docs":\[$/;
const VERSION = /"version":(\d+)/;
const DOCS = Buffer.from('"docs":[');
const COMMA = 0x2c;
/** After the last element. */
const TAIL = /^\](?:,"[a-z]+":[^\]]*)?\}$/;

interface Parsed {
  version: number;
  /** How many whole elements there were. */
  elements: number;
  /** Whether the end was there. */
  complete: boolean;
  irregular: boolean;
  damage: DamagedRange[];
}

async function parse(
  source: ByteSource,
  reading: ElementReading,
  onElement: (element: SnapshotElement) => void,
): Promise<Parsed> {
  const parsed: Parsed = {
    version: 0,
    elements: 0,
    complete: false,
    irregular: false,
    damage: [],
  };
  let first = true;
  /** Whether all is on one line, and whether the element before ended in a comma, as all but the last do. */
  const layout = { oneLine: false, comma: true };

  const decode = (bytes: Buffer): SnapshotElement | null => decodeElement(bytes, reading);
  const accept = (element: SnapshotElement): void => {
    if (parsed.complete) parsed.irregular = true;
    parsed.elements++;
    onElement(element);
  };

  await scanLines(source, ({ bytes, start, end }: Line) => {
    if (bytes === null) {
      parsed.damage.push({ start, end });
      return;
    }
    let pieces: Pieces<SnapshotElement>;
    if (first) {
      first = false;
      parsed.version = Number(VERSION.exec(bytes.toString("latin1", 0, 64))?.[1] ?? 0);
      const docs = bytes.indexOf(DOCS);
      const from = docs === -1 ? 0 : docs + DOCS.length;
      // Nothing is lost with a head that is not as it should be, but it must not go unsaid.
      if (!HEAD.test(bytes.toString("latin1", 0, from)) && from > 0) {
        parsed.damage.push({ start, end: start + from });
      }
      if (docs === -1) parsed.irregular = true;
      // Our own elements start on the line below.
      if (from === bytes.length) return;
      layout.oneLine = true;
      pieces = findForeignElements(bytes, from, decode);
    } else {
      const hasComma = bytes.length > 0 && bytes[bytes.length - 1] === COMMA;
      const whole = decode(hasComma ? bytes.subarray(0, -1) : bytes);
      if (whole !== null) {
        accept(whole);
        if (!layout.comma) parsed.irregular = true;
        layout.comma = hasComma;
        return;
      }
      pieces = findNeighbors(bytes, ELEMENT_START, decode);
      if (pieces.found.length > 0) parsed.irregular = true;
    }
    pieces.found.forEach(accept);
    for (const gap of pieces.gaps) {
      const text = bytes.toString("latin1", gap.start, Math.min(gap.end, gap.start + 64));
      if (TAIL.test(text)) {
        if (parsed.complete) parsed.irregular = true;
        parsed.complete = true;
      } else parsed.damage.push({ start: start + gap.start, end: start + gap.end });
    }
  });
  if (layout.comma && parsed.elements > 0 && !layout.oneLine) parsed.irregular = true;
  return parsed;
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
  let damaged = !isEnvelope(head);
  const onDamage = (): void => {
    damaged = true;
  };
  const chunk = Buffer.allocUnsafeSlow(BASE64_CHUNK_BYTES);
  let filled = 0;
  for (let position = DATA_OFFSET; position < bytes;) {
    const read = await file.read(chunk.subarray(filled), position);
    if (read === 0) break;
    position += read;
    filled += read;
    // Four characters are three bytes; only the end of the file may have fewer.
    const usable = position < bytes ? filled - (filled % 4) : filled;
    yield decipher.update(decodeBase64(chunk.toString("latin1", 0, usable), onDamage));
    chunk.copyWithin(0, usable, filled);
    filled -= usable;
  }
  try {
    decipher.setAuthTag(tag);
    decipher.final();
    onEnd(!damaged);
  } catch {
    onEnd(false);
  }
}
