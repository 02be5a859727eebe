/**
 * Reads the journal as a stream and judges each line by itself: a record, damaged, under another
 * key, or torn by a crash. The opening decides what to do about it.
 */
import type { ReadableFile } from "../../ports/files.js";
import type { Change } from "../documents/change.js";
import { isEnvelope } from "../keys/cipher.js";
import type { Keyring } from "../keys/keyring.js";
import { isHexDigit, OPEN_BRACE, RETURN, withoutReturn } from "../lines/ascii.js";
import { addDamage, type ByteRange } from "../lines/damaged-ranges.js";
import { fileSource, type Line, scanLines } from "../lines/line-scanner.js";
import { decodeLine, type LineFault } from "./record.js";

/** This many envelopes in a row that no key opens have a different key; one may be damaged. */
const OTHER_KEY_RUN = 2;

/**
 * What the envelopes of a journal say about the keys.
 *
 * - `no-envelopes`: there are none.
 * - `opened`: a key opened at least one.
 * - `missing`: there are envelopes, but no key.
 * - `wrong`: no key opens {@link OTHER_KEY_RUN} or more in a row, which is not damage.
 * - `doubtful`: no key opens any, but there are so few that it may be damage.
 */
type KeyVerdict = "no-envelopes" | "opened" | "missing" | "wrong" | "doubtful";

export interface JournalReading {
  readonly keys: KeyVerdict;
  /** Whether any record was plaintext. */
  readonly plain: boolean;
  /** The lines that are not records. */
  readonly damage: readonly ByteRange[];
  /** Bytes up to the end of the last line. The rest, a torn write or damage, is to be cut off. */
  readonly length: number;
  /** Whether the last line is a whole record but lacks its `\n`. */
  readonly unterminated: boolean;
}

/** Reads a journal, calling back for each record in order, and for the marks of guests' writes. */
export async function readJournal(
  file: ReadableFile | null,
  keyring: Keyring | null,
  onChange: (change: Change) => void,
  onMarks: (marks: string) => void = () => undefined,
): Promise<JournalReading> {
  const damage: ByteRange[] = [];
  const envelopes = new Envelopes();
  let plain = false;
  let length = 0;
  let unterminated = false;

  await scanLines(fileSource(file), (line: Line) => {
    const { bytes, start, end, terminated } = line;
    if (terminated) length = end + 1;
    if (bytes !== null && isBlank(bytes)) return;
    const decoded = bytes === null ? DAMAGED : decodeLine(withoutReturn(bytes), keyring);
    if ("change" in decoded) {
      envelopes.succeed(decoded.encrypted);
      if (!decoded.encrypted) plain = true;
      if (!terminated) {
        length = end;
        unterminated = true;
      }
      if (decoded.change !== null) onChange(decoded.change);
      if (decoded.by !== undefined) onMarks(decoded.by);
      return;
    }
    envelopes.fail(decoded.fault);
    if (!terminated && bytes !== null && isTorn(bytes, keyring)) return;
    addDamage(damage, { start, end });
  });
  return { keys: envelopes.verdict, plain, damage, length, unterminated };
}

const DAMAGED = { fault: "damaged" } as const;

/** Judges the keys by the outcomes of all lines, in order. */
class Envelopes {
  #opened = false;
  #missing = false;
  #unknown = false;
  #wrong = false;
  #run = 0;

  succeed(encrypted: boolean): void {
    if (encrypted) this.#opened = true;
    this.#run = 0;
  }

  fail(fault: LineFault): void {
    if (fault === "sealed") this.#missing = true;
    if (fault === "unknown-key") {
      this.#unknown = true;
      if (++this.#run >= OTHER_KEY_RUN) this.#wrong = true;
    } else this.#run = 0;
  }

  get verdict(): KeyVerdict {
    if (this.#missing) return "missing";
    if (this.#wrong) return "wrong";
    if (this.#opened) return "opened";
    return this.#unknown ? "doubtful" : "no-envelopes";
  }
}

/**
 * Whether the end of the file is a write that a crash cut short, and that was not acknowledged. It
 * begins as a line does. If all but its last byte is a record, that byte is a damaged line break.
 */
function isTorn(bytes: Buffer, keyring: Keyring | null): boolean {
  const start = bytes.subarray(0, RECORD_START.length);
  const beginsAsLine =
    isEnvelope(bytes) || start.every(isHexDigit) || RECORD_START.indexOf(start) === 0;
  return beginsAsLine && !("change" in decodeLine(bytes.subarray(0, -1), keyring));
}

const RECORD_START = Buffer.from('{"op":"');

/** lite-nosql skips empty lines, and a crash may leave NULs at the end of the file. */
function isBlank(bytes: Buffer): boolean {
  if (bytes[0] === OPEN_BRACE) return false;
  return bytes.every((byte) => byte === 0 || byte === 0x20 || byte === RETURN || byte === 0x09);
}
