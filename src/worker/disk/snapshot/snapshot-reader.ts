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
} from "../keys/cipher.js";
import type { OpenFile } from "../../ports/files.js";
import type { Keyring } from "../keys/keyring.js";
import { type ByteSource, fileSource, type Line, scanLines } from "../lines/line-scanner.js";
import {
  ELEMENT_START,
  findForeignElements,
  findNeighbors,
  type PieceKind,
  type Pieces,
} from "../damage/salvage.js";
import {
  checksumSeal,
  decodeElement,
  type ElementReading,
  macSeal,
  type SnapshotElement,
} from "./snapshot-element.js";
import { authenticate, sealedSource, skipOthers } from "./snapshot-envelope.js";

/** The first characters of a snapshot: enough to see whether a key is the right one. */
const SNAPSHOT_PREFIX = '{"version":';

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
    const reading = { seal: checksumSeal, policy: "required", fallbackExpiry } as const;
    let parsed = await parse(fileSource(file), reading, onElement);
    // All elements of our own are sealed: one without a seal counts only where none has one.
    if (parsed.elements === 0) {
      parsed = await parse(fileSource(file), { ...reading, policy: "optional" }, onElement);
    }
    const { complete, elements, version, irregular } = parsed;
    if (bytes > 0 && !complete && elements === 0) return { state: "unverifiable" };
    const damage = complete ? parsed.damage : [...parsed.damage, truncation(bytes)];
    return { state: "read", encrypted: false, bytes, version, damage, irregular };
  }
  if (keyring === null) return { state: "sealed" };
  const key =
    keyring.keyFor(headBytes, SNAPSHOT_PREFIX) ?? (await keyOfElements(file, bytes, keyring));
  if (key === null) return { state: "unknown-key" };

  const { whole, exact } = await authenticate(file, bytes, key);
  const reading: ElementReading = {
    seal: macSeal(key),
    policy: whole ? "checked" : "required",
    fallbackExpiry,
  };
  const { elements, version, irregular } = await parse(
    sealedSource(file, bytes, key, whole ? skipOthers : decodeBase64),
    reading,
    onElement,
  );
  if (!whole && elements === 0) return { state: "unverifiable" };
  const damage = whole ? [] : [{ start: 0, end: bytes }];
  return { state: "read", encrypted: true, bytes, version, damage, irregular: irregular || !exact };
}

/** The key under which elements are sealed in an envelope whose beginning is damaged. */
async function keyOfElements(file: OpenFile, bytes: number, keyring: Keyring): Promise<Key | null> {
  for (const key of keyring.keys) {
    const reading = { seal: macSeal(key), policy: "required", fallbackExpiry: 0 } as const;
    const { elements } = await parse(
      sealedSource(file, bytes, key, decodeBase64),
      reading,
      () => undefined,
    );
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
const QUOTE = 0x22;
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

  const { seal, policy } = reading;
  const decode = (bytes: Buffer): SnapshotElement | null => decodeElement(bytes, reading);
  const kind: PieceKind = {
    start: ELEMENT_START,
    proof: () => (policy === "required" ? seal.proof : "none"),
  };
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
    let from = 0;
    if (first) {
      first = false;
      parsed.version = Number(VERSION.exec(bytes.toString("latin1", 0, 64))?.[1] ?? 0);
      from = headEnd(bytes);
      if (from === 0) parsed.irregular = true;
      layout.oneLine = !bytes.subarray(-DOCS.length).equals(DOCS);
      // Our own elements start on the line below.
      if (from === bytes.length) return;
    } else {
      const hasComma = bytes.length > 0 && bytes[bytes.length - 1] === COMMA;
      const whole = decode(hasComma ? bytes.subarray(0, -1) : bytes);
      if (whole !== null) {
        accept(whole);
        if (!layout.comma) parsed.irregular = true;
        layout.comma = hasComma;
        return;
      }
    }
    const pieces: Pieces<SnapshotElement> =
      layout.oneLine && policy !== "required"
        ? findForeignElements(bytes, from, decode)
        : findNeighbors(bytes, from, kind, decode);
    if (from === 0 && pieces.found.length > 0) parsed.irregular = true;
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

/** Where the head of a snapshot ends on its first line; 0 where it is not as it should be. */
function headEnd(line: Buffer): number {
  const docs = line.indexOf(DOCS);
  const end = docs + DOCS.length;
  if (docs === -1 || !HEAD.test(line.toString("latin1", 0, end))) return 0;
  // Without the bytes between them, the head and the first element share a bracket.
  return line[end] === QUOTE ? end - 1 : end;
}
