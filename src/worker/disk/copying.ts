/**
 * Copies the files of a collection as they are at one moment, whether a store has it open or not. The
 * copies are on the disk when this resolves. No key is needed.
 */
import { type Files, openIfThere, type ReadableFile } from "../ports/files.js";
import { withFilesAtOnce } from "./files-at-once.js";
import { plainDigest } from "./keys/cipher.js";
import { fileSource } from "./lines/line-scanner.js";
import type { CollectionPaths } from "./paths.js";

/** A file of a collection, by what it is. */
export type Kind = "snapshot" | "journal" | "salt";

export interface CopiedFile {
  readonly kind: Kind;
  readonly bytes: number;
  /** In hex digits. */
  readonly sha256: string;
}

/** @throws StoreError `STORE_LOCKED`, or any error of the file system */
export async function copyCollection(
  files: Files,
  from: CollectionPaths,
  to: CollectionPaths,
): Promise<readonly CopiedFile[]> {
  return withFilesAtOnce(files, from, async ({ snapshot, journal, hasChanged }) => {
    // Those that are open stay as they are, so it is enough to know that they belong together.
    if (await hasChanged()) return "changed"; // guard: copying, both files are of one moment
    const copied: CopiedFile[] = [];
    const copy = async (kind: Kind, file: ReadableFile | null): Promise<void> => {
      if (file !== null) copied.push({ kind, ...(await copyFile(files, file, to[kind])) });
    };
    await copy("snapshot", snapshot);
    await copy("journal", journal);
    const salt = await openIfThere(files, from.salt);
    try {
      await copy("salt", salt);
    } finally {
      await salt?.close();
    }
    await files.syncDirectory(to.directory);
    return copied;
  });
}

/** Copies files back. @returns which of them is not as it was copied, or null */
export async function copyBack(
  files: Files,
  from: CollectionPaths,
  to: CollectionPaths,
  copied: readonly CopiedFile[],
): Promise<Kind | null> {
  for (const { kind, bytes, sha256 } of copied) {
    const source = await openIfThere(files, from[kind]);
    if (source === null) return kind;
    try {
      const copy = await copyFile(files, source, to[kind]);
      if (copy.bytes !== bytes || copy.sha256 !== sha256) return kind;
    } finally {
      await source.close();
    }
  }
  await files.syncDirectory(to.directory);
  return null;
}

/** Copies one file. It must not be there yet. */
async function copyFile(
  files: Files,
  source: ReadableFile,
  path: string,
): Promise<Omit<CopiedFile, "kind">> {
  const digest = plainDigest();
  const target = await files.open(path, "create");
  try {
    let bytes = 0;
    for await (const part of fileSource(source)) {
      digest.update(part);
      await target.write(part, bytes);
      bytes += part.length;
    }
    await target.sync();
    return { bytes, sha256: digest.digest("hex") };
  } finally {
    await target.close();
  }
}
