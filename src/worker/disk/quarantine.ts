/**
 * The quarantine: copies of what was damaged, kept beside the collection for whoever wants to look.
 * What one opening finds is one file, named after its content, so that an opening which finds the
 * same again adds nothing. In an encrypted collection everything in it is sealed.
 */
import { join } from "node:path";

import { type Files, openIfThere, type OpenFile } from "../ports/files.js";
import { DATA_OFFSET, isEnvelope, plainDigest } from "./keys/cipher.js";
import type { Keyring } from "./keys/keyring.js";
import type { DamagedRange } from "./lines/damaged-ranges.js";
import type { CollectionPaths } from "./paths.js";

/** So many bytes are copied, or sealed in an envelope, at once. */
const CHUNK_BYTES = 1024 * 1024;
const NEWLINE = Buffer.from("\n");

/** Something to be kept. */
export interface Finding {
  /** Whether it is an envelope. */
  readonly sealed: boolean;
  /** Its bytes, from the beginning at each call; a chunk is valid until the next. */
  readonly chunks: () => AsyncIterable<Buffer> | Iterable<Buffer>;
}

/** What is damaged in a file that stays open. */
export function findingsIn(file: OpenFile | null, ranges: readonly DamagedRange[]): Finding[] {
  if (file === null) return [];
  return ranges
    .filter(({ start, end }) => start < end)
    .map(({ start, end, sealed }) => ({ sealed, chunks: () => chunksOf(file, start, end) }));
}

/** A text as a finding. */
export function findingOf(text: string): Finding {
  return { sealed: false, chunks: () => [Buffer.from(text)] };
}

/**
 * Keeps findings; they are on the disk when this settles.
 * @returns the file that has them, or null where there were none
 */
export async function quarantine(
  files: Files,
  paths: CollectionPaths,
  keyring: Keyring | null,
  findings: readonly Finding[],
): Promise<string | null> {
  if (findings.length === 0) return null;
  const path = paths.quarantine(await nameOf(findings, keyring));
  const existing = await openIfThere(files, path);
  if (existing === null) {
    await write(files, paths.quarantineTemporary, keyring, findings);
    await files.rename(paths.quarantineTemporary, path);
  } else await existing.close();
  // Also where it existed: whoever made it may have been killed before this.
  await files.syncDirectory(paths.directory); // guard: quarantine, directory
  return path;
}

/** Seals what was kept while the collection was not encrypted. What is sealed stays as it is. */
export async function sealPlaintext(
  files: Files,
  paths: CollectionPaths,
  keyring: Keyring,
): Promise<void> {
  for (const name of await files.list(paths.directory)) {
    const path = join(paths.directory, name);
    if (!paths.isQuarantine(name)) continue;
    const file = await files.open(path, "read");
    try {
      const head = Buffer.alloc(DATA_OFFSET);
      await file.read(head, 0);
      if (isEnvelope(head)) continue;
      const all = { start: 0, end: await file.size(), sealed: false };
      await quarantine(files, paths, keyring, findingsIn(file, [all]));
    } finally {
      await file.close();
    }
    await files.remove(path);
  }
}

/** Digits by which findings are told apart. They tell nothing of what is sealed. */
async function nameOf(findings: readonly Finding[], keyring: Keyring | null): Promise<string> {
  const digest = keyring === null ? plainDigest() : keyring.first.digest();
  for (const finding of findings) {
    for await (const chunk of finding.chunks()) digest.update(chunk);
    digest.update(NEWLINE);
  }
  return digest.digest("hex").slice(0, 16);
}

async function write(
  files: Files,
  path: string,
  keyring: Keyring | null,
  findings: readonly Finding[],
): Promise<void> {
  // 1. A crash from here on leaves a temporary, which the next opening removes.
  await files.remove(path);
  const target = await files.open(path, "create");
  try {
    let position = 0;
    const append = async (bytes: Buffer): Promise<void> => {
      await target.write(bytes, position);
      position += bytes.length;
    };
    for (const { sealed, chunks } of findings) {
      for await (const chunk of chunks()) {
        if (sealed || keyring === null) await append(chunk);
        else await append(Buffer.from(`${keyring.first.seal(chunk)}\n`));
      }
      if (sealed || keyring === null) await append(NEWLINE);
    }
    // 2. It counts once it has its name, and must be whole then.
    await target.sync(); // guard: quarantine, fsync
  } catch (error) {
    // A full disk would otherwise get fuller.
    await files.remove(path).catch(() => undefined);
    throw error;
  } finally {
    await target.close();
  }
}

/** The bytes from `start` to `end`, or to the end of the file. */
async function* chunksOf(
  file: OpenFile,
  start: number,
  end: number,
): AsyncGenerator<Buffer, void, undefined> {
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - start));
  for (let at = start; at < end;) {
    const read = await file.read(chunk.subarray(0, Math.min(chunk.length, end - at)), at);
    if (read === 0) return;
    yield chunk.subarray(0, read);
    at += read;
  }
}
