/**
 * Owns which records a file has, and which of them damage left whole. Reads the files by the format
 * alone.
 */
import { type JournalEntry, openEnvelope, parseEntry } from "../lite-nosql-reader.js";

/** A record of a file, and the bytes that it needs to be whole. */
export interface Piece {
  readonly bytes: Buffer;
  /** In an envelope every byte depends on its place: where these must be found. */
  readonly place?: number;
  readonly entry: JournalEntry;
}

/** The records of a journal. */
export function journalPieces(journal: Buffer, key: Buffer | null): Piece[] {
  return linesOf(journal).map((bytes) => {
    const entry = parseEntry(bytes.toString(), key);
    if (entry === null) throw new Error("the journal was damaged before");
    return { bytes, entry };
  });
}

/** Where the ciphertext of an envelope starts. */
export const DATA_OFFSET = 66;

/**
 * The elements of a snapshot that has one on each line. In an envelope an element is whole where the
 * groups of four characters are that its line stands in, with the line breaks around it.
 */
export function snapshotPieces(snapshot: Buffer, key: Buffer | null): Piece[] {
  const text =
    key === null ? snapshot : Buffer.from(openEnvelope(snapshot.toString("latin1"), key));
  const pieces: Piece[] = [];
  let start = 0;
  for (const line of linesOf(text)) {
    const end = start + line.length + 1;
    if (line[0] === 0x5b) {
      const bytes = withoutComma(line);
      const [id, doc] = JSON.parse(bytes.toString()) as [string, JournalEntry["doc"]];
      const entry = { op: "insert", id, ...(doc && { doc }) };
      const from = DATA_OFFSET + Math.floor((start - 1) / 3) * 4;
      const to = DATA_OFFSET + Math.ceil(end / 3) * 4;
      if (key === null) pieces.push({ bytes, entry });
      else pieces.push({ bytes: snapshot.subarray(from, to), place: from, entry });
    }
    start = end;
  }
  return pieces;
}

/** The lines that are not empty. */
export function linesOf(bytes: Buffer): Buffer[] {
  return placedLines(bytes).map(({ line }) => line);
}

export function placedLines(bytes: Buffer): { line: Buffer; at: number; terminated: boolean }[] {
  const lines: { line: Buffer; at: number; terminated: boolean }[] = [];
  for (let at = 0; at < bytes.length;) {
    const newline = bytes.indexOf(0x0a, at);
    const end = newline === -1 ? bytes.length : newline;
    if (end > at) lines.push({ line: bytes.subarray(at, end), at, terminated: newline !== -1 });
    at = end + 1;
  }
  return lines;
}

function withoutComma(line: Buffer): Buffer {
  const bytes = withoutReturn(line);
  return bytes.at(-1) === 0x2c ? bytes.subarray(0, -1) : bytes;
}

/** A line without what another system puts before its end. */
function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
}

/** A record that stands in a damaged file. */
export interface Occurrence {
  readonly piece: Piece;
  readonly at: number;
  /** False where nobody can tell whether it is one, so that it may be served or be set aside. */
  readonly certain: boolean;
}

/** What a damaged journal holds, in the order in which it stands there: a line is a unit. */
export function recordsIn(damaged: Buffer, pieces: readonly Piece[]): Occurrence[] {
  return placedLines(damaged).flatMap(({ line, at }): Occurrence[] => {
    // lite-nosql trims lines.
    const bytes = withoutReturn(line);
    const piece = pieces.find((each) => each.bytes.equals(bytes));
    if (piece !== undefined) return [{ piece, at, certain: true }];
    // One without a checksum is as lite-nosql writes it: damage may have taken the checksum.
    const entry = parsed(bytes) as JournalEntry | null;
    if (entry === null || typeof entry !== "object") return [];
    if (Object.keys(entry).some((field) => !FIELDS.includes(field))) return [];
    return [{ piece: { bytes, entry }, at, certain: false }];
  });
}

const FIELDS = ["op", "ts", "id", "doc", "set", "unset", "inc", "updatedAt"];

/** What a damaged snapshot holds, in the order in which it stands there. */
export function elementsIn(damaged: Buffer, pieces: readonly Piece[]): Occurrence[] {
  if (pieces.every(({ place }) => place !== undefined)) return placedElements(damaged, pieces);
  const whole = placedLines(damaged).flatMap(({ line, at }): Occurrence[] => {
    const bytes = withoutComma(line);
    const piece = pieces.find((each) => each.bytes.equals(bytes));
    return piece === undefined ? [] : [{ piece, at, certain: true }];
  });
  // Elements of our own are sealed; where none is left, the file may be lite-nosql's.
  return whole.length > 0 ? whole : looseElements(damaged, pieces);
}

function placedElements(damaged: Buffer, pieces: readonly Piece[]): Occurrence[] {
  return pieces.flatMap((piece): Occurrence[] => {
    const at = piece.place!;
    const certain = damaged.subarray(at, at + piece.bytes.length).equals(piece.bytes);
    return certain ? [{ piece, at, certain }] : [];
  });
}

/** All that looks like an element of lite-nosql's, and what is left of ours wherever it is. */
function looseElements(damaged: Buffer, pieces: readonly Piece[]): Occurrence[] {
  const found: Occurrence[] = [];
  const text = damaged.toString("latin1");
  for (let at = text.indexOf('["'); at !== -1; at = text.indexOf('["', at + 1)) {
    const bytes = damaged.subarray(at, at + balancedLength(text.slice(at)));
    const value = parsed(bytes);
    const isOurs = pieces.some((piece) => piece.bytes.equals(bytes));
    if (!Array.isArray(value) || (value.length !== 2 && !isOurs)) continue;
    const [id, doc] = value as [string, JournalEntry["doc"]];
    const entry = { op: "insert", id, ...(doc && { doc }) };
    found.push({ piece: { bytes, entry }, at, certain: false });
  }
  return found;
}

/** How long the object or array is that a text begins with; 0 where it does not end. */
function balancedLength(text: string): number {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (inString) {
      if (char === "\\") at++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if ("[{".includes(char)) depth++;
    else if ("]}".includes(char) && --depth === 0) return at + 1;
  }
  return 0;
}

/** The value of JSON text; null where it is not JSON. */
function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return null;
  }
}
