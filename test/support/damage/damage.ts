/**
 * Owns what a damaged collection must still give: which records of a file the damage left whole,
 * what may be served after it and which bytes may not be lost. Reads the files by the format alone.
 */
import {
  applyEntry,
  type JournalEntry,
  openEnvelope,
  openEnvelopeBytes,
  parseEntry,
} from "../lite-nosql-reader.js";

/** A record of a file, and the bytes that it needs to be whole. */
export interface Piece {
  readonly bytes: Buffer;
  /** Where they must be found: in an envelope every byte depends on its place. Anywhere, if not said. */
  readonly place?: number;
  /** Whether only the key can have made it: then it is no part of somebody's session. */
  readonly proven: boolean;
  readonly entry: JournalEntry;
}

/** A session as JSON text, or null where there is none. */
export type Value = string | null;

type Documents = Parameters<typeof applyEntry>[0];

/** The records of a journal. */
export function journalPieces(journal: Buffer, key: Buffer | null): Piece[] {
  return linesOf(journal).map((bytes) => {
    const entry = parseEntry(bytes.toString(), key);
    if (entry === null) throw new Error("the journal was damaged before");
    return { bytes, proven: key !== null, entry };
  });
}

/** Where the ciphertext of an envelope starts. */
export const DATA_OFFSET = 66;

/**
 * The elements of a snapshot that has one on each line. In an envelope a record is whole where the
 * groups of four characters are that it stands in.
 */
export function snapshotPieces(snapshot: Buffer, key: Buffer | null): Piece[] {
  const text =
    key === null ? snapshot : Buffer.from(openEnvelope(snapshot.toString("latin1"), key));
  const pieces: Piece[] = [];
  let start = 0;
  for (const line of linesOf(text)) {
    const end = start + line.length;
    const last = line.at(-1) === 0x2c ? line.length - 1 : line.length;
    if (line[0] === 0x5b) {
      const [id, doc] = JSON.parse(line.toString("utf8", 0, last)) as [string, JournalEntry["doc"]];
      const from = DATA_OFFSET + Math.floor(start / 3) * 4;
      const to = DATA_OFFSET + Math.ceil((start + last) / 3) * 4;
      const bytes = key === null ? line.subarray(0, last) : snapshot.subarray(from, to);
      const entry = { op: "insert", id, ...(doc && { doc }) };
      pieces.push({ bytes, proven: key !== null, entry, ...(key !== null && { place: from }) });
    }
    start = end + 1;
  }
  return pieces;
}

export function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const newline = bytes.indexOf(0x0a, at);
    const end = newline === -1 ? bytes.length : newline;
    if (end > at) lines.push(bytes.subarray(at, end));
    at = end + 1;
  }
  return lines;
}

/** A record that stands in a damaged file. */
export interface Occurrence {
  readonly piece: Piece;
  readonly at: number;
  /** False where it may as well be a part of another, so that it may be served or be set aside. */
  readonly certain: boolean;
}

/** What a damaged file holds, in the order in which it stands there. */
export function occurrences(damaged: Buffer, pieces: readonly Piece[], path: string): Occurrence[] {
  const whole = wholePieces(damaged, pieces);
  if (pieces.every(({ proven }) => proven)) return whole;
  const snapshot = path.endsWith(".json");
  // Elements of our own are sealed; where none is left, the file may be lite-nosql's.
  if (snapshot && whole.some(({ certain }) => certain)) return whole;
  const unsealed = snapshot ? unsealedElements(damaged) : unsealedRecords(damaged, whole);
  const others = unsealed.filter(
    ({ at }) => !whole.some((other) => at >= other.at && at < endOf(other)),
  );
  return [...whole, ...others].sort((a, b) => a.at - b.at);
}

const endOf = ({ piece, at }: Occurrence): number => at + piece.bytes.length;

/** A `,` and a `\n` stand between two records, and either may have been hit. */
const SEPARATORS = 2;

function wholePieces(damaged: Buffer, pieces: readonly Piece[]): Occurrence[] {
  const found: { piece: Piece; at: number }[] = [];
  for (const piece of pieces) {
    for (let at = damaged.indexOf(piece.bytes); at !== -1;) {
      if (piece.place === undefined || piece.place === at) found.push({ piece, at });
      at = damaged.indexOf(piece.bytes, at + piece.bytes.length);
    }
  }
  found.sort((a, b) => a.at - b.at);
  // What directly follows the head of a snapshot, or a record, is no part of another either.
  let knownTo = headBytes(damaged) || -Infinity;
  return found.map(({ piece, at }) => {
    const follows = at - knownTo <= SEPARATORS;
    const certain = piece.proven || at === 0 || follows || !INSIDE.includes(damaged[at - 1]!);
    if (certain) knownTo = at + piece.bytes.length;
    return { piece, at, certain };
  });
}

/** `,`, `:` and `[`: what follows them may as well be a part of somebody's session. */
const INSIDE = [0x2c, 0x3a, 0x5b];

const FIELDS = ["op", "ts", "id", "doc", "set", "unset", "inc", "updatedAt"];
const RECORD_FOLLOWS = /^[,\s]*[^]{0,2}(?:$|\{"op":")/;
const NOTHING_BETWEEN = /^[,\s]*[^]{0,2}$/;

/**
 * Records that have no checksum, as lite-nosql writes them, apart from others and with nothing
 * behind them: damage may have made them, or taken the checksum, and nobody can see it.
 */
function unsealedRecords(damaged: Buffer, whole: readonly Occurrence[]): Occurrence[] {
  const found: Occurrence[] = [];
  let lineStart = 0;
  for (const line of damaged.toString("latin1").split("\n")) {
    for (let at = line.indexOf('{"op":"'); at !== -1; at = line.indexOf('{"op":"', at + 1)) {
      const text = balanced(line.slice(at));
      const value = parsed(text) as JournalEntry | null;
      if (value === null || Object.keys(value).some((field) => !FIELDS.includes(field))) continue;
      const start = lineStart + at;
      const before = [...whole, ...found].filter((other) => endOf(other) <= start);
      const apart =
        at === 0 ||
        !INSIDE.includes(line.charCodeAt(at - 1)) ||
        before.some((other) =>
          NOTHING_BETWEEN.test(damaged.toString("latin1", endOf(other), start)),
        );
      if (!apart || !RECORD_FOLLOWS.test(line.slice(at + text.length))) continue;
      const bytes = damaged.subarray(start, start + text.length);
      found.push({ piece: { bytes, proven: false, entry: value }, at: start, certain: false });
    }
    lineStart += line.length + 1;
  }
  return found;
}

/** All that looks like an element of lite-nosql's. */
function unsealedElements(damaged: Buffer): Occurrence[] {
  const found: Occurrence[] = [];
  const text = damaged.toString("latin1");
  for (let at = text.indexOf('["'); at !== -1; at = text.indexOf('["', at + 1)) {
    const element = balanced(text.slice(at));
    const value = parsed(element);
    if (!Array.isArray(value) || value.length !== 2) continue;
    const [id, doc] = value as [string, JournalEntry["doc"]];
    const bytes = damaged.subarray(at, at + element.length);
    const entry = { op: "insert", id, ...(doc && { doc }) };
    found.push({ piece: { bytes, proven: false, entry }, at, certain: false });
  }
  return found;
}

/** The object or array that a text begins with, or nothing where it does not end. */
function balanced(text: string): string {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (inString) {
      if (char === "\\") at++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if ("[{".includes(char)) depth++;
    else if ("]}".includes(char) && --depth === 0) return text.slice(0, at + 1);
  }
  return "";
}

/** The value of JSON text whose bytes stand as characters; null where it is none. */
function parsed(latin1: string): unknown {
  try {
    return JSON.parse(Buffer.from(latin1, "latin1").toString());
  } catch {
    return null;
  }
}

/** What may be served for each id: the damaged file's records, between what is before and after it. */
export function possibleValues(
  before: readonly Piece[],
  found: readonly Occurrence[],
  after: readonly Piece[],
): Map<string, Set<Value>> {
  const intact = (piece: Piece): Occurrence => ({ piece, at: 0, certain: true });
  const all = [...before.map(intact), ...found, ...after.map(intact)];
  const possible = new Map<string, Set<Value>>();
  for (const { piece, certain } of all) {
    const { entry } = piece;
    const states = possible.get(entry.id) ?? new Set([null]);
    const next = step(states, entry);
    possible.set(entry.id, certain ? next : new Set([...states, ...next]));
  }
  return new Map(
    [...possible].map(([id, states]) => [id, new Set([...states].map(sessionOf))] as const),
  );
}

/** Documents as JSON text, after a record that is applied to each. */
function step(states: ReadonlySet<Value>, entry: JournalEntry): Set<Value> {
  return new Set(
    [...states].map((state) => {
      const documents: Documents = new Map();
      if (state !== null) documents.set(entry.id, JSON.parse(state) as Record<string, unknown>);
      applyEntry(documents, entry);
      const document = documents.get(entry.id);
      return document === undefined ? null : JSON.stringify(document);
    }),
  );
}

function sessionOf(document: Value): Value {
  return document === null
    ? null
    : JSON.stringify((JSON.parse(document) as { sess: unknown }).sess);
}

const SNAPSHOT_HEAD = /^\{"version":\d+,"ts":\d+,"docs":\[\n?/;

function headBytes(damaged: Buffer): number {
  return SNAPSHOT_HEAD.exec(damaged.toString("latin1", 0, 80))?.[0].length ?? 0;
}

/** What of a damaged file must be among the bytes that were kept, and is not. */
export function lostBytes(damaged: Buffer, found: readonly Occurrence[], kept: Buffer): string[] {
  const certain = found.filter((occurrence) => occurrence.certain);
  return stretches(damaged, headBytes(damaged), damaged.length, certain)
    .filter(({ start, end }) => {
      if (kept.includes(damaged.subarray(start, end))) return false;
      // What may be a part of another may have been taken from between the rest.
      const within = found.filter(({ certain, at }) => !certain && at >= start && at < end);
      return (
        within.length === 0 ||
        stretches(damaged, start, end, within).some(
          (rest) => !kept.includes(damaged.subarray(rest.start, rest.end)),
        )
      );
    })
    .map(({ start, end }) => damaged.toString("utf8", start, end));
}

interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** What of the bytes from `start` to `end` is no record, line by line. */
function stretches(
  damaged: Buffer,
  start: number,
  end: number,
  found: readonly Occurrence[],
): Stretch[] {
  const rest: Stretch[] = [];
  let at = start;
  for (const occurrence of [...found, null]) {
    const stop = occurrence?.at ?? end;
    for (const line of linesOf(damaged.subarray(at, Math.max(at, stop)))) {
      const bytes = trimmed(line);
      const from = bytes.byteOffset - damaged.byteOffset;
      if (bytes.length > 0 && !isTail(bytes)) rest.push({ start: from, end: from + bytes.length });
    }
    if (occurrence !== null) at = Math.max(at, endOf(occurrence));
  }
  return rest;
}

/** Without what may stand between records: white space, NULs and commas. */
function trimmed(bytes: Buffer): Buffer {
  const isFiller = (byte = 0): boolean =>
    byte === 0x2c || byte === 0x20 || byte === 0 || (byte >= 0x09 && byte <= 0x0d);
  let start = 0;
  let end = bytes.length;
  while (start < end && isFiller(bytes[start])) start++;
  while (end > start && isFiller(bytes[end - 1])) end--;
  return bytes.subarray(start, end);
}

/** The end of a snapshot. */
function isTail(bytes: Buffer): boolean {
  return bytes.toString("latin1") === "]}";
}

/** All that a quarantine file holds: its lines as they are, and the content of those it sealed. */
export function quarantined(quarantine: Buffer, key: Buffer | null): Buffer {
  const opened = key === null ? [] : linesOf(quarantine).map((line) => unsealed(line, key));
  return Buffer.concat([quarantine, Buffer.from("\n"), ...opened]);
}

function unsealed(line: Buffer, key: Buffer): Buffer {
  try {
    return openEnvelopeBytes(line.toString("latin1"), key);
  } catch {
    return Buffer.from("\n");
  }
}
