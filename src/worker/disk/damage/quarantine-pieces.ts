/**
 * How stretches of files stand in the quarantine. An encrypted collection keeps envelopes as they
 * are and seals everything else, in runs; what an older key opens is sealed anew. Memory stays at one
 * line of moderate length, however long lines and files are.
 */
import { DATA_OFFSET, isEnvelope, type Key } from "../keys/cipher.js";
import type { OpenFile } from "../../ports/files.js";
import type { Keyring } from "../keys/keyring.js";

/** So many bytes are sealed in one, or copied at once. */
export const RUN_BYTES = 1024 * 1024;
/**
 * Longer envelopes are not tried with any key: what is sealed here is far shorter, and a snapshot is
 * set aside because no key opens it.
 */
const LONG_LINE_BYTES = 16 * 1024 * 1024;
const NEWLINE = 0x0a;

/** A stretch of a file. */
export interface Stretch {
  readonly file: OpenFile;
  readonly start: number;
  readonly end: number;
}

/** What of a stretch is kept, or sealed, in one. */
export interface Piece extends Stretch {
  /** Null where the bytes are kept as they are. */
  readonly sealing: Sealing | null;
  /** Its length in the quarantine, with a `\n`. */
  readonly keptBytes: number;
}

export interface Sealing {
  readonly key: Key;
  readonly content: () => Promise<Buffer>;
}

export async function* piecesOf(
  stretches: readonly Stretch[],
  keyring: Keyring | null,
): AsyncGenerator<Piece, void, undefined> {
  for (const stretch of stretches) {
    if (stretch.start === stretch.end) continue;
    if (keyring === null) yield kept(stretch);
    else yield* sealedPieces(stretch, keyring);
  }
}

/** Lines that are no envelopes go together. */
async function* sealedPieces(
  stretch: Stretch,
  keyring: Keyring,
): AsyncGenerator<Piece, void, undefined> {
  const { file } = stretch;
  let run = { file, start: stretch.start, end: stretch.start };
  for await (const line of linesOf(stretch)) {
    if (isEnvelope(line.head)) {
      if (run.start < run.end) yield sealed(run, keyring.first);
      yield envelope(file, line, keyring);
      run = { file, start: line.end + 1, end: line.end + 1 };
      continue;
    }
    run = { ...run, end: line.end };
    while (run.end - run.start > RUN_BYTES) {
      yield sealed({ ...run, end: run.start + RUN_BYTES }, keyring.first);
      run = { ...run, start: run.start + RUN_BYTES };
    }
  }
  if (run.start < run.end) yield sealed(run, keyring.first);
}

function kept({ file, start, end }: Stretch): Piece {
  return { file, start, end, sealing: null, keptBytes: end - start + 1 };
}

function sealed({ file, start, end }: Stretch, key: Key): Piece {
  const keptBytes = DATA_OFFSET + Math.ceil((end - start) / 3) * 4 + 1;
  const content = (): Promise<Buffer> => readStretch(file, start, end);
  return { file, start, end, sealing: { key, content }, keptBytes };
}

/** An envelope: to be sealed anew, to the same length, where an older key opens it. */
function envelope(file: OpenFile, { start, end, head, whole }: LineHead, keyring: Keyring): Piece {
  const piece = kept({ file, start, end });
  for (const key of whole ? keyring.keys : []) {
    const content = key.open(head);
    if (content === null) continue;
    if (key === keyring.first) break;
    return { ...piece, sealing: { key: keyring.first, content: () => Promise.resolve(content) } };
  }
  return piece;
}

interface LineHead {
  readonly start: number;
  /** Without its `\n`. */
  readonly end: number;
  /** As much of it as is held, valid until the next one is asked for; and whether that is all. */
  readonly head: Buffer;
  readonly whole: boolean;
}

async function* linesOf({ file, start, end }: Stretch): AsyncGenerator<LineHead, void, undefined> {
  const target = Buffer.allocUnsafe(Math.min(LONG_LINE_BYTES, end - start));
  let base = start;
  let window = await fill(file, target, base, end);
  for (let at = start; at < end;) {
    let newline = window.indexOf(NEWLINE, at - base);
    if (newline === -1 && base < at && base + window.length < end) {
      base = at;
      window = await fill(file, target, base, end);
      newline = window.indexOf(NEWLINE);
    }
    const windowEnd = base + window.length;
    const whole = newline !== -1 || windowEnd >= end;
    const head = window.subarray(at - base, newline === -1 ? window.length : newline);
    const lineEnd = whole ? at + head.length : await findNewline(file, windowEnd, end);
    yield { start: at, end: lineEnd, head, whole };
    at = lineEnd + 1;
  }
}

/** Where the next `\n` is, or the end. */
async function findNewline(file: OpenFile, start: number, end: number): Promise<number> {
  const target = Buffer.allocUnsafeSlow(RUN_BYTES);
  for (let at = start; at < end;) {
    const bytes = await fill(file, target, at, end);
    const newline = bytes.indexOf(NEWLINE);
    if (newline !== -1) return at + newline;
    if (bytes.length === 0) break;
    at += bytes.length;
  }
  return end;
}

/** The bytes from `start` to `end`, or to the end of the file. */
export function readStretch(file: OpenFile, start: number, end: number): Promise<Buffer> {
  return fill(file, Buffer.allocUnsafe(end - start), start, end);
}

/** As much as there is room for. */
async function fill(file: OpenFile, target: Buffer, start: number, end: number): Promise<Buffer> {
  const length = Math.min(target.length, end - start);
  let filled = 0;
  while (filled < length) {
    const read = await file.read(target.subarray(filled, length), start + filled);
    if (read === 0) break;
    filled += read;
  }
  return target.subarray(0, filled);
}
