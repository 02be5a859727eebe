/**
 * The quarantine file: the bytes of what was damaged, as they were found, each followed by a `\n`.
 * In an encrypted collection what was plaintext is sealed, line by line.
 */
import { isEnvelope } from "./cipher.js";
import { isErrno } from "./failure.js";
import type { Files, OpenFile } from "./files.js";
import type { Keyring } from "./keyring.js";
import { scanLines } from "./line-scanner.js";
import type { CollectionPaths } from "./paths.js";
import type { DamagedRange } from "./snapshot-reader.js";

const COPY_BYTES = 1024 * 1024;
const NEWLINE = Buffer.from("\n");

/** Appends ranges of a file to the quarantine; they are on the disk when this settles. */
export async function quarantine(
  files: Files,
  paths: CollectionPaths,
  keyring: Keyring | null,
  from: OpenFile,
  ranges: readonly DamagedRange[],
): Promise<void> {
  const target = await files.open(paths.quarantine, "update");
  try {
    let position = await target.size();
    const append = async (bytes: Uint8Array): Promise<void> => {
      await target.write(bytes, position);
      position += bytes.length;
    };
    const chunk = Buffer.allocUnsafe(COPY_BYTES);
    for (const { start, end } of ranges) {
      if (start === end) continue;
      const head = await readRange(from, chunk, start, Math.min(end, start + COPY_BYTES));
      const seal = keyring !== null && !isEnvelope(head);
      for (let at = start; at < end; at += COPY_BYTES) {
        const bytes = await readRange(from, chunk, at, Math.min(end, at + COPY_BYTES));
        if (seal) await append(Buffer.from(`${keyring.first.seal(bytes.toString("latin1"))}\n`));
        else await append(bytes);
      }
      if (!seal) await append(NEWLINE);
    }
    await target.sync();
  } finally {
    await target.close();
  }
  await files.syncDirectory(paths.directory);
}

async function readRange(
  from: OpenFile,
  chunk: Buffer,
  start: number,
  end: number,
): Promise<Buffer> {
  let filled = 0;
  while (start + filled < end) {
    const read = await from.read(chunk.subarray(filled, end - start), start + filled);
    if (read === 0) break;
    filled += read;
  }
  return chunk.subarray(0, filled);
}

/** Seals what an earlier, unencrypted life of the collection left in the quarantine. */
export async function sealQuarantine(
  files: Files,
  paths: CollectionPaths,
  keyring: Keyring,
): Promise<void> {
  let source: OpenFile;
  try {
    source = await files.open(paths.quarantine, "read");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return;
    throw error;
  }
  let changed: boolean;
  try {
    const plain: DamagedRange[] = [];
    const sealed: DamagedRange[] = [];
    let position = 0;
    const read = async (target: Uint8Array): Promise<number> => {
      const bytes = await source.read(target, position);
      position += bytes;
      return bytes;
    };
    await scanLines(read, ({ bytes, start, end }) => {
      if (start === end) return;
      (bytes !== null && isEnvelope(bytes) ? sealed : plain).push({ start, end });
    });
    changed = plain.length > 0;
    // 1. A crash here leaves the plaintext one, and a temporary that the next opening removes.
    const temporary = { ...paths, quarantine: paths.quarantineTemporary };
    if (changed) await quarantine(files, temporary, keyring, source, [...sealed, ...plain]);
  } finally {
    await source.close();
  }
  if (!changed) return;
  // 2. From here on the sealed one has the name.
  await files.rename(paths.quarantineTemporary, paths.quarantine);
  await files.syncDirectory(paths.directory);
}
