/**
 * The journal, read as a stream: a verdict for each line, and where the good part ends. Judges and
 * reports; what becomes of damage is the caller's decision.
 */
import { isEnvelope } from "../keys/cipher.js";
import type { OpenFile } from "../../ports/files.js";
import type { Keyring } from "../keys/keyring.js";
import { fileSource, scanLines } from "../lines/line-scanner.js";
import {
  type DecodedLine,
  decodeLine,
  hasChecksum,
  type JournalRecord,
  type LineFault,
  peekLine,
} from "./record.js";
import {
  findEnvelopes,
  findNeighbors,
  type PieceKind,
  type Pieces,
  RECORD_START,
} from "../damage/salvage.js";
import type { DamagedRange } from "../snapshot/snapshot-reader.js";

/** So many envelopes in a row that no key opens were sealed under another: one may be damage. */
const OTHER_KEY_RUN = 2;

export interface JournalReading {
  /** Whole records. */
  readonly records: number;
  /** Whether a record was plaintext, and whether one was an envelope that a key opened. */
  readonly plain: boolean;
  readonly encrypted: boolean;
  /** An envelope, and no key at hand. */
  readonly sealed: boolean;
  /** An envelope that no key opens, and so many in a row that it cannot be damage. */
  readonly unknownKey: boolean;
  readonly otherKeyRun: boolean;
  /** Records have run together: lite-nosql would not find them. */
  readonly irregular: boolean;
  /** Lines that are no record; those that follow each other are one range. */
  readonly damage: readonly DamagedRange[];
  /** What follows the last whole line: a write that a crash cut short. Null where nothing does. */
  readonly tornTail: DamagedRange | null;
  /** Bytes up to and with the last whole line. */
  readonly length: number;
  /** Whether the last whole line lacks its `\n`. */
  readonly unterminated: boolean;
}

type Decoded = Extract<DecodedLine, { readonly record: JournalRecord }>;

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
  let unknownKey = false;
  let unknownRun = 0;
  let otherKeyRun = false;
  let irregular = false;
  const damage = new DamagedLines();
  let tornTail: DamagedRange | null = null;
  let length = 0;
  let unterminated = false;

  await scanLines(fileSource(file), ({ bytes, start, end, terminated }) => {
    if (terminated) length = end + 1;
    if (bytes !== null && isBlank(bytes)) return;
    if (bytes === null) {
      damage.add({ start, end }, null);
      return;
    }
    const faults: LineFault[] = [];
    const decode = (piece: Buffer): Decoded | null => {
      const decoded = decodeLine(piece, keyring, fallbackExpiry);
      if ("record" in decoded) return decoded;
      faults.push(decoded.fault);
      return null;
    };
    const whole = decode(bytes);
    const { found, gaps } = whole === null ? findWhole(bytes, keyring, decode) : ONE_WHOLE;
    const accept = (decoded: Decoded): void => {
      if (decoded.encrypted) encrypted = true;
      else plain = true;
      records++;
      onRecord(decoded.record);
    };
    if (whole === null) found.forEach(accept);
    else accept(whole);

    const none = whole === null && found.length === 0;
    if (none && faults.includes("sealed")) sealed = true;
    if (none && faults.includes("unknown-key")) {
      unknownKey = true;
      if (++unknownRun >= OTHER_KEY_RUN) otherKeyRun = true;
    } else unknownRun = 0;
    if (none && !terminated) {
      tornTail = { start, end };
      return;
    }
    if (!terminated) {
      length = end;
      unterminated = true;
    }
    if (found.length > 0) irregular = true;
    for (const gap of gaps) {
      const stretch = { start: start + gap.start, end: start + gap.end };
      damage.add(stretch, isEnvelope(bytes.subarray(gap.start, gap.end)));
    }
  });
  return {
    records,
    plain,
    encrypted,
    sealed,
    unknownKey,
    otherKeyRun,
    irregular,
    damage: damage.ranges,
    tornTail,
    length,
    unterminated,
  };
}

/**
 * What is damaged, line after line in one range: a foreign file may have nothing else. What is
 * sealed and what is not stay apart, since only the latter is sealed in the quarantine.
 */
class DamagedLines {
  readonly ranges: DamagedRange[] = [];
  #sealed: boolean | null = null;

  /** @param sealed whether these bytes are an envelope; null if they are too many to tell */
  add(range: DamagedRange, sealed: boolean | null): void {
    const last = this.ranges.at(-1);
    if (last?.end === range.start - 1 && sealed !== null && sealed === this.#sealed) {
      this.ranges[this.ranges.length - 1] = { start: last.start, end: range.end };
    } else this.ranges.push(range);
    this.#sealed = sealed;
  }
}

const ONE_WHOLE: Pieces<Decoded> = { found: [], gaps: [] };
const OPEN_BRACE = 0x7b;

const PLAIN_RECORD: PieceKind = {
  start: RECORD_START,
  proof: (piece) => (hasChecksum(piece) ? "checksum" : "none"),
};

/** The records of a line in which damage to a `\n` has run several together. */
function findWhole(
  line: Buffer,
  keyring: Keyring | null,
  decode: (piece: Buffer) => Decoded | null,
): Pieces<Decoded> {
  if (line.includes(RECORD_START)) return findNeighbors(line, 0, PLAIN_RECORD, decode);
  return findEnvelopes(line, decode, (envelope) => peekLine(envelope, keyring));
}

/** lite-nosql skips empty lines. A file that a crash extended ends in NULs. */
function isBlank(bytes: Buffer): boolean {
  if (bytes[0] === OPEN_BRACE) return false;
  return bytes.every((byte) => byte === 0 || byte === 0x20 || byte === 0x0d || byte === 0x09);
}
