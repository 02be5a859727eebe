/**
 * The quarantine file: the bytes of what was damaged, as they were found, each followed by a `\n`.
 * In an encrypted collection what was plaintext is sealed, line by line.
 */
import { StoreError } from "../protocol/errors.js";
import { isEnvelope } from "./cipher.js";
import { isErrno } from "./failure.js";
import type { Files, OpenFile } from "./files.js";
import type { Keyring } from "./keyring.js";
import { scanLines } from "./line-scanner.js";
import { LineBuffer } from "./line-buffer.js";
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
        if (seal) await append(Buffer.from(`${keyring.first.seal(bytes)}\n`));
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

/**
 * Seals under the first key what an earlier life of the collection, unencrypted or under another
 * key, left in the quarantine. What no key opens stays as it is.
 */
export async function resealQuarantine(
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
  const lines = new LineBuffer();
  let resealed = 0;
  try {
    let position = 0;
    const read = async (target: Uint8Array): Promise<number> => {
      const bytes = await source.read(target, position);
      position += bytes;
      return bytes;
    };
    await scanLines(read, ({ bytes, start, end }) => {
      if (start === end) return;
      if (bytes === null) {
        throw new StoreError(
          "STORE_CORRUPT",
          `${paths.quarantine} has a line too long to be encrypted: move the file away`,
        );
      }
      const current = isEnvelope(bytes) && keyring.first.open(bytes) !== null;
      const content = current ? null : isEnvelope(bytes) ? keyring.open(bytes) : bytes;
      if (content === null) lines.add(bytes);
      else {
        resealed++;
        lines.add(keyring.first.seal(content));
      }
    });
  } finally {
    await source.close();
  }
  if (resealed === 0) return;
  // 1. A crash here leaves the old one, and a temporary that the next opening removes.
  const target = await files.open(paths.quarantineTemporary, "replace");
  try {
    await target.write(lines.bytes(), 0);
    await target.sync();
  } finally {
    await target.close();
  }
  // 2. From here on the sealed one has the name, for good when the opening syncs the directory.
  await files.rename(paths.quarantineTemporary, paths.quarantine);
}
