/**
 * The quarantine file: the bytes of what was damaged, as they were found, each stretch followed by a
 * `\n`. In an encrypted collection what was plaintext is sealed.
 */
import { isEnvelope } from "../keys/cipher.js";
import { type Files, type OpenFile, openIfThere } from "../../ports/files.js";
import type { Keyring } from "../keys/keyring.js";
import { LineBuffer } from "../lines/line-buffer.js";
import type { CollectionPaths } from "../paths.js";
import { type Piece, piecesOf, readStretch, RUN_BYTES, type Stretch } from "./quarantine-pieces.js";

const NEWLINE = Buffer.from("\n");

/**
 * Appends what was found damaged, and a torn tail; they are on the disk when this settles. Damage is
 * found again by every opening until a compaction: what the quarantine ends with is not added again.
 */
export async function quarantine(
  files: Files,
  paths: CollectionPaths,
  keyring: Keyring | null,
  damage: readonly Stretch[],
  torn: readonly Stretch[],
): Promise<void> {
  if ([...damage, ...torn].every(({ start, end }) => start === end)) return;
  const target = await files.open(paths.quarantine, "update");
  try {
    await append(target, keyring, damage, torn);
    // Also where all was there: a process that was killed may not have come to this.
    await target.sync();
  } finally {
    await target.close();
  }
  await files.syncDirectory(paths.directory);
}

async function append(
  target: OpenFile,
  keyring: Keyring | null,
  damage: readonly Stretch[],
  torn: readonly Stretch[],
): Promise<void> {
  const all = [...torn, ...damage];
  const size = await target.size();
  if ((await startOfTail(target, size, all, keyring)) !== null) return;
  // Every crash may leave a torn tail. It goes before the damage, so that the next opening finds
  // that at the end. What is overwritten is in the files still.
  const known = torn.length === 0 ? null : await startOfTail(target, size, damage, keyring);
  const start = known ?? size;
  try {
    // A crash may have cut short the last line.
    const whole = await startsLine(target, start);
    if (!whole) await target.write(NEWLINE, start);
    await writePieces(target, whole ? start : start + 1, all, keyring);
  } catch (error) {
    // Or a full disk would get fuller with each attempt.
    await target.truncate(start).catch(() => undefined);
    throw error;
  }
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
  const source = await openIfThere(files, paths.quarantine);
  if (source === null) return;
  try {
    const whole = [{ file: source, start: 0, end: await source.size() }];
    if (!(await hasExposed(whole, keyring))) return;
    // 1. A crash here leaves the old one, and a temporary that the next opening removes.
    const target = await files.open(paths.quarantineTemporary, "replace");
    try {
      await writePieces(target, 0, whole, keyring);
      await target.sync();
    } finally {
      await target.close();
    }
  } catch (error) {
    await files.remove(paths.quarantineTemporary).catch(() => undefined);
    throw error;
  } finally {
    await source.close();
  }
  // 2. From here on the sealed one has the name, for good when the opening syncs the directory.
  await files.rename(paths.quarantineTemporary, paths.quarantine);
}

async function hasExposed(stretches: readonly Stretch[], keyring: Keyring): Promise<boolean> {
  for await (const { sealing } of piecesOf(stretches, keyring)) {
    if (sealing !== null) return true;
  }
  return false;
}

async function writePieces(
  target: OpenFile,
  start: number,
  stretches: readonly Stretch[],
  keyring: Keyring | null,
): Promise<void> {
  const lines = new LineBuffer();
  let position = start;
  const write = async (bytes: Buffer): Promise<void> => {
    if (bytes.length > 0) await target.write(bytes, position);
    position += bytes.length;
  };
  const flush = async (): Promise<void> => {
    await write(lines.bytes());
    lines.clear();
  };
  for await (const { file, start, end, sealing } of piecesOf(stretches, keyring)) {
    if (sealing === null) {
      let at = start;
      for (; end - at > RUN_BYTES; at += RUN_BYTES) {
        await flush();
        await write(await readStretch(file, at, at + RUN_BYTES));
      }
      lines.add(await readStretch(file, at, end));
    } else lines.add(sealing.key.seal(await sealing.content()));
    if (lines.length > RUN_BYTES) await flush();
  }
  await flush();
}

/** Where the tail of the quarantine starts that is just these stretches; null where it has none. */
async function startOfTail(
  target: OpenFile,
  size: number,
  stretches: readonly Stretch[],
  keyring: Keyring | null,
): Promise<number | null> {
  let start = size;
  for await (const { keptBytes } of piecesOf(stretches, keyring)) start -= keptBytes;
  if (start < 0 || !(await startsLine(target, start))) return null;
  let at = start;
  for await (const piece of piecesOf(stretches, keyring)) {
    if (!(await stands(piece, target, at))) return null;
    at += piece.keptBytes;
  }
  return start;
}

/** Whether a line of the quarantine starts here. */
async function startsLine(target: OpenFile, at: number): Promise<boolean> {
  return at === 0 || (await readStretch(target, at - 1, at)).equals(NEWLINE);
}

/** Whether this piece stands in the quarantine here. */
async function stands(piece: Piece, target: OpenFile, at: number): Promise<boolean> {
  const { file, start, end, sealing, keptBytes } = piece;
  const stop = at + keptBytes;
  if (!(await startsLine(target, stop))) return false;
  if (sealing === null) {
    for (let from = start; from < end; from += RUN_BYTES) {
      const to = Math.min(end, from + RUN_BYTES);
      const bytes = await readStretch(target, at + from - start, at + to - start);
      if (!bytes.equals(await readStretch(file, from, to))) return false;
    }
    return true;
  }
  const line = await readStretch(target, at, stop - 1);
  const content = isEnvelope(line) ? sealing.key.open(line) : null;
  return content?.equals(await sealing.content()) === true;
}
