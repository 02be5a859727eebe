/**
 * The journal, read as a stream: a verdict for each line, and where the good part ends. Judges and
 * reports; what becomes of damage is the caller's decision.
 */
import type { OpenFile } from "./files.js";
import type { Keyring } from "./keyring.js";
import { scanLines } from "./line-scanner.js";
import { decodeLine, type JournalRecord, type LineFault } from "./record.js";
import { findEnvelopes, findPieces, type Gap, RECORD } from "./salvage.js";
import type { DamagedRange } from "./snapshot-reader.js";

/**
 * So many envelopes in a row that no key opens were sealed under another key: one alone may be a
 * damaged iv.
 */
const OTHER_KEY_RUN = 2;

export interface JournalReading {
  /** Whole records. */
  readonly records: number;
  /** Whether a record was plaintext, and whether one was an envelope that a key opened. */
  readonly plain: boolean;
  readonly encrypted: boolean;
  /** An envelope, and no key at hand. */
  readonly sealed: boolean;
  /** Envelopes that were sealed under none of the keys. */
  readonly otherKey: boolean;
  /** Lines that are no record. */
  readonly damage: readonly DamagedRange[];
  /** What follows the last whole line: a write that a crash cut short. Null where nothing does. */
  readonly tornTail: DamagedRange | null;
  /** Bytes up to and with the last whole line. */
  readonly length: number;
  /** Whether the last whole line lacks its `\n`. */
  readonly unterminated: boolean;
}

/** Reads a journal, calling back for each record in order. */
export async function readJournal(
  file: OpenFile | null,
  keyring: Keyring | null,
  fallbackExpiry: number,
  onRecord: (record: JournalRecord) => void,
): Promise<JournalReading> {
  let records = 0;
  let plain = false;
  let encrypted = false;
  let sealed = false;
  let unknownKey = 0;
  let unknownRun = 0;
  let longestUnknownRun = 0;
  const damage: DamagedRange[] = [];
  let tornTail: DamagedRange | null = null;
  let length = 0;
  let unterminated = false;

  let position = 0;
  const source = async (target: Uint8Array): Promise<number> => {
    const read = (await file?.read(target, position)) ?? 0;
    position += read;
    return read;
  };
  await scanLines(source, ({ bytes, start, end, terminated }) => {
    if (terminated) length = end + 1;
    if (bytes !== null && isBlank(bytes)) return;
    if (bytes === null) {
      damage.push({ start, end });
      return;
    }
    let found = 0;
    const faults: LineFault[] = [];
    const accept = (piece: Buffer): boolean => {
      const decoded = decodeLine(piece, keyring, fallbackExpiry);
      if ("fault" in decoded) {
        faults.push(decoded.fault);
        return false;
      }
      found++;
      if (decoded.encrypted) encrypted = true;
      else plain = true;
      onRecord(decoded.record);
      return true;
    };
    const gaps = accept(bytes) ? [] : findWhole(bytes, accept);
    records += found;
    const [fault] = faults;
    if (found === 0 && !terminated) {
      tornTail = { start, end };
      if (fault === "sealed") sealed = true;
      return;
    }
    if (!terminated) {
      length = end;
      unterminated = true;
    }
    if (found > 0) unknownRun = 0;
    else if (fault === "sealed") sealed = true;
    else if (fault === "unknown-key") {
      unknownKey++;
      longestUnknownRun = Math.max(longestUnknownRun, ++unknownRun);
    }
    for (const gap of gaps) damage.push({ start: start + gap.start, end: start + gap.end });
  });

  const otherKey = longestUnknownRun >= OTHER_KEY_RUN || (unknownKey > 0 && !encrypted);
  return { records, plain, encrypted, sealed, otherKey, damage, tornTail, length, unterminated };
}

const OPEN_BRACE = 0x7b;

/** The records of a line in which damage to a `\n` has run several together. */
function findWhole(line: Buffer, accept: (piece: Buffer) => boolean): Gap[] {
  const plain = line[0] === OPEN_BRACE;
  return plain ? findPieces(line, 0, RECORD, accept) : findEnvelopes(line, accept);
}

/** lite-nosql skips empty lines. A file that a crash extended ends in NULs. */
function isBlank(bytes: Buffer): boolean {
  if (bytes[0] === OPEN_BRACE) return false;
  return bytes.every((byte) => byte === 0 || byte === 0x20 || byte === 0x0d || byte === 0x09);
}
