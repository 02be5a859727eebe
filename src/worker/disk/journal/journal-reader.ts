/**
 * Reads the journal as a stream and judges each line by itself: a damaged one does not affect the
 * others. The caller decides what to do about damage.
 */
import type { OpenFile } from "../../ports/files.js";
import type { Change } from "../documents/change.js";
import { isEnvelope } from "../keys/cipher.js";
import type { Keyring } from "../keys/keyring.js";
import { isHexDigit, OPEN_BRACE, RETURN } from "../lines/ascii.js";
import { type DamagedRange, DamagedRanges } from "../lines/damaged-ranges.js";
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
  readonly damage: readonly DamagedRange[];
  /** Bytes up to the end of the last line. The rest, a torn write or damage, is to be cut off. */
  readonly length: number;
  /** Whether the last line is a whole record but lacks its `\n`. */
  readonly unterminated: boolean;
}

/** Reads a journal, calling back for each record in order. */
export async function readJournal(
  file: OpenFile | null,
  keyring: Keyring | null,
  onChange: (change: Change) => void,
): Promise<JournalReading> {
  const damage = new DamagedRanges();
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
      onChange(decoded.change);
      return;
    }
    envelopes.fail(decoded.fault);
    if (!terminated && bytes !== null && beginsAsLine(bytes)) return;
    damage.add({ start, end, sealed: bytes !== null && isEnvelope(bytes) });
  });
  return { keys: envelopes.verdict, plain, damage: damage.ranges, length, unterminated };
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

/** Whether a line may begin like this: then a crash tore the write, which was not acknowledged. */
function beginsAsLine(bytes: Buffer): boolean {
  const start = bytes.subarray(0, RECORD_START.length);
  return isEnvelope(bytes) || start.every(isHexDigit) || RECORD_START.indexOf(start) === 0;
}

const RECORD_START = Buffer.from('{"op":"');

/** lite-nosql trims lines, and an editor may have converted line breaks to those of Windows. */
function withoutReturn(bytes: Buffer): Buffer {
  return bytes[bytes.length - 1] === RETURN ? bytes.subarray(0, -1) : bytes;
}

/** lite-nosql skips empty lines, and a crash may leave NULs at the end of the file. */
function isBlank(bytes: Buffer): boolean {
  if (bytes[0] === OPEN_BRACE) return false;
  return bytes.every((byte) => byte === 0 || byte === 0x20 || byte === RETURN || byte === 0x09);
}
