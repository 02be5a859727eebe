/** Where the files are damaged, in words for whoever looks at them: the line, and what is wrong. */
import type { ReadableFile } from "../ports/files.js";
import { decodeLine } from "./journal/record.js";
import { isDamagedEnvelope, isEnvelope } from "./keys/cipher.js";
import type { Keyring } from "./keys/keyring.js";
import type { ByteRange } from "./lines/damaged-ranges.js";
import { fileSource, type Line, scanLines } from "./lines/line-scanner.js";

type Which = "snapshot" | "journal";

/** A damaged line, counted from 1. */
export interface Damage {
  readonly file: Which;
  readonly line: number;
  readonly reason: string;
}

/** The lines of a file that have a part in these ranges. An empty range is at the end of the file. */
export async function damageIn(
  which: Which,
  file: ReadableFile | null,
  ranges: readonly ByteRange[],
  keyring: Keyring | null,
): Promise<Damage[]> {
  if (ranges.length === 0) return [];
  const damage: Damage[] = [];
  let line = 0;
  let next = 0;
  await scanLines(fileSource(file), (found) => {
    line++;
    while ((ranges[next]?.end ?? Infinity) < found.start) next++;
    const range = ranges[next];
    if (range === undefined || range.start === range.end || range.start > found.end) return;
    damage.push({ file: which, line, reason: reasonOf(which, found, keyring) });
  });
  if (ranges.some(({ start, end }) => start === end)) {
    damage.push({ file: which, line, reason: "its beginning, its end or a comma is missing" });
  }
  return damage;
}

function reasonOf(which: Which, { bytes, terminated }: Line, keyring: Keyring | null): string {
  if (bytes === null) return "the line is longer than any record";
  if (isEnvelope(bytes) || (which === "snapshot" && isDamagedEnvelope(bytes))) {
    const decoded = which === "journal" ? decodeLine(bytes, keyring) : null;
    return decoded !== null && "fault" in decoded && decoded.fault === "unknown-key"
      ? "no key opens the line"
      : "the encrypted text was changed or cut";
  }
  if (which === "journal" && bytes.includes(CHECKSUM)) return "the checksum is wrong";
  if (which === "snapshot") return "the checksum is wrong, or it is no document";
  return terminated ? "it is no record" : "it is the end of a record at most";
}

const CHECKSUM = Buffer.from(',"crc":"');
