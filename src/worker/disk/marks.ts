/** The head of a journal that a compaction has made: which writes of guests have been executed. */
import type { OpenFile } from "../ports/files.js";
import { type Executed, markText } from "./executed.js";
import { encodeLine, marksRecord } from "./journal/record.js";
import type { Keyring } from "./keys/keyring.js";

/** Writes what the records that are left out say of guests' writes. @returns how many bytes */
export async function writeMarks(
  file: OpenFile,
  executed: Executed,
  keyring: Keyring | null,
  now: number,
): Promise<number> {
  const marks = executed.marks();
  if (marks.length === 0) return 0;
  const record = marksRecord(now, marks.map(markText).join(" "));
  const line = Buffer.from(`${encodeLine(record, keyring)}\n`);
  await file.write(line, 0);
  return line.length;
}
