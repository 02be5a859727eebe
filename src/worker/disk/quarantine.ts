/**
 * The quarantine: copies of damaged bytes, kept beside the collection for manual inspection. Each
 * opening writes its findings to one file, named by their digest, so that finding the same again
 * adds nothing. In an encrypted collection all of it is encrypted.
 */
import { join } from "node:path";

import type { Files, OpenFile } from "../ports/files.js";
import { GatheredWrites } from "../ports/gathered-writes.js";
import { DATA_OFFSET, isEnvelope, plainDigest } from "./keys/cipher.js";
import type { Keyring } from "./keys/keyring.js";
import type { ByteRange } from "./lines/damaged-ranges.js";
import { fileSource } from "./lines/line-scanner.js";
import type { CollectionPaths } from "./paths.js";

const NEWLINE = Buffer.from("\n");

/** Bytes to be set aside. Each call starts from the beginning; a chunk is valid until the next. */
export type Finding = () => AsyncIterable<Buffer> | Iterable<Buffer>;

/** The damaged ranges of a file, which must stay open. */
export function findingsIn(file: OpenFile | null, ranges: readonly ByteRange[]): Finding[] {
  return ranges.flatMap(({ start, end }): Finding[] =>
    start < end ? [() => fileSource(file, start, end)] : [],
  );
}

export function findingOf(text: string): Finding {
  return () => [Buffer.from(text)];
}

/**
 * Writes findings to a file; they are on the disk when this resolves.
 * @returns the path of the file, or null if there are no findings
 */
export async function quarantine(
  files: Files,
  paths: CollectionPaths,
  keyring: Keyring | null,
  findings: readonly Finding[],
): Promise<string | null> {
  if (findings.length === 0) return null;
  const path = paths.quarantine(await nameOf(findings, keyring));
  if ((await files.identity(path)) === null) {
    await write(files, paths.quarantineTemporary, keyring, findings);
    await files.rename(paths.quarantineTemporary, path);
  }
  // Even if it existed: its creator may have been killed before this step.
  await files.syncDirectory(paths.directory); // guard: quarantine, directory
  return path;
}

/** Encrypts the files that were written while the collection was plaintext. */
export async function sealPlaintext(
  files: Files,
  paths: CollectionPaths,
  keyring: Keyring,
): Promise<void> {
  for (const name of await files.list(paths.directory)) {
    if (!paths.isQuarantine(name)) continue;
    const path = join(paths.directory, name);
    const file = await files.open(path, "read");
    try {
      const head = Buffer.alloc(DATA_OFFSET);
      await file.read(head, 0);
      // That of version 1.0 may hold both, so all of it is encrypted.
      if (isEnvelope(head) && path !== paths.firstQuarantine) continue;
      const all = { start: 0, end: await file.size() };
      await quarantine(files, paths, keyring, findingsIn(file, [all]));
    } finally {
      await file.close();
    }
    await files.remove(path);
  }
}

/** A digest of the findings; with a keyring it reveals nothing about them. */
async function nameOf(findings: readonly Finding[], keyring: Keyring | null): Promise<string> {
  const digest = keyring === null ? plainDigest() : keyring.first.digest();
  for (const finding of findings) {
    for await (const chunk of finding()) digest.update(chunk);
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
  // 1. A crash from here on leaves a temporary file, which the next opening removes.
  await files.remove(path);
  const target = await files.open(path, "create");
  try {
    const gathered = new GatheredWrites(target);
    for (const finding of findings) {
      for await (const chunk of finding()) {
        // The chunk is filled again, but only written later.
        if (keyring === null) await gathered.add(Buffer.from(chunk));
        else await gathered.add(Buffer.from(`${keyring.first.seal(chunk)}\n`));
      }
      if (keyring === null) await gathered.add(NEWLINE);
    }
    await gathered.flush();
    // 2. It must be complete on the disk before the caller renames it.
    await target.sync(); // guard: quarantine, fsync
  } catch (error) {
    // Do not let it take up space on a full disk.
    await files.remove(path).catch(() => undefined);
    throw error;
  } finally {
    await target.close();
  }
}
