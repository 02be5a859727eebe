/**
 * The journal, read as a stream: a verdict for each line, and where the good part ends. Judges and
 * reports; what becomes of damage is the caller's decision.
 */
import type { OpenFile } from "./files.js";
import type { Keyring } from "./keyring.js";
import { scanLines } from "./line-scanner.js";
import { decodeLine, type JournalRecord } from "./record.js";
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
    const decoded = bytes === null ? DAMAGED : decodeLine(bytes, keyring, fallbackExpiry);
    if ("record" in decoded) {
      records++;
      unknownRun = 0;
      if (decoded.encrypted) encrypted = true;
      else plain = true;
      if (!terminated) {
        length = end;
        unterminated = true;
      }
      onRecord(decoded.record);
      return;
    }
    if (decoded.fault === "sealed") sealed = true;
    if (!terminated) {
      tornTail = { start, end };
      return;
    }
    if (decoded.fault === "unknown-key") {
      unknownKey++;
      longestUnknownRun = Math.max(longestUnknownRun, ++unknownRun);
    } else unknownRun = 0;
    damage.push({ start, end });
  });

  const otherKey = longestUnknownRun >= OTHER_KEY_RUN || (unknownKey > 0 && !encrypted);
  return { records, plain, encrypted, sealed, otherKey, damage, tornTail, length, unterminated };
}

const DAMAGED = { fault: "damaged" } as const;

/** lite-nosql skips empty lines. A file that a crash extended ends in NULs. */
function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0 || byte === 0x20 || byte === 0x0d || byte === 0x09);
}
