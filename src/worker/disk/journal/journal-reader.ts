/**
 * The journal, read as a stream: a verdict for each line, and where the good part ends. A line is a
 * unit: one that fails says nothing of the others. What becomes of damage is the caller's decision.
 */
import type { OpenFile } from "../../ports/files.js";
import type { Change } from "../documents/change.js";
import { isEnvelope } from "../keys/cipher.js";
import type { Keyring } from "../keys/keyring.js";
import { isHexDigit, OPEN_BRACE, RETURN } from "../lines/ascii.js";
import { type DamagedRange, DamagedRanges } from "../lines/damaged-ranges.js";
import { fileSource, type Line, scanLines } from "../lines/line-scanner.js";
import { decodeLine, type LineFault } from "./record.js";

/** So many envelopes in a row that no key opens were sealed under another: one may be damage. */
const OTHER_KEY_RUN = 2;

/**
 * What the envelopes of a journal say about the keys.
 *
 * - `no-envelopes`: nothing.
 * - `opened`: a key opened one.
 * - `missing`: there are envelopes, and no key to try.
 * - `wrong`: so many in a row open with no key that it cannot be damage.
 * - `doubtful`: none opens, but so few that it may be damage.
 */
export type KeyVerdict = "no-envelopes" | "opened" | "missing" | "wrong" | "doubtful";

export interface JournalReading {
  readonly keys: KeyVerdict;
  /** Whether a record was plaintext. */
  readonly plain: boolean;
  /** Lines that are not records. */
  readonly damage: readonly DamagedRange[];
  /** Bytes up to the end of the last line. What follows is cut off: a crash, or damage that is kept. */
  readonly length: number;
  /** Whether the last whole line lacks its `\n`. */
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

/** Judges the keys by the lines in their order. */
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

/** Whether a line may begin so: then it is a write that a crash cut short, and never acknowledged. */
function beginsAsLine(bytes: Buffer): boolean {
  const start = bytes.subarray(0, RECORD_START.length);
  return isEnvelope(bytes) || start.every(isHexDigit) || RECORD_START.indexOf(start) === 0;
}

const RECORD_START = Buffer.from('{"op":"');

/** lite-nosql trims lines: an editor may have made Windows line breaks of theirs. */
function withoutReturn(bytes: Buffer): Buffer {
  return bytes[bytes.length - 1] === RETURN ? bytes.subarray(0, -1) : bytes;
}

/** lite-nosql skips empty lines. A file that a crash extended ends in NULs. */
function isBlank(bytes: Buffer): boolean {
  if (bytes[0] === OPEN_BRACE) return false;
  return bytes.every((byte) => byte === 0 || byte === 0x20 || byte === RETURN || byte === 0x09);
}
