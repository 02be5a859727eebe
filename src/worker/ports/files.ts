/**
 * The narrow file-system port: every byte that the engine reads or writes goes through here, so
 * that a test can cut the power or fill the disk. The only way to the files of a collection.
 */
import { isErrno } from "./failure.js";

/** How a file is opened. */
export type OpenMode =
  /** For reading; it must exist. */
  | "read"
  /** For reading and writing; it must exist. */
  | "existing"
  /** For reading and writing; it is made if absent. */
  | "update"
  /** For reading and writing; it must not exist. */
  | "create";

/** An open file. Positions and lengths are bytes. */
export interface OpenFile {
  size(): Promise<number>;
  /** Fills as much of `target` as the file has from `position`; 0 at its end. */
  read(target: Uint8Array, position: number): Promise<number>;
  /** Writes all of `bytes`, however often the system writes short. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  truncate(length: number): Promise<void>;
  /** Returns when the content and the length are on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The operations the engine needs. Errors are the system's own, with their error number in `code`. */
export interface Files {
  /** Makes the directory and those above it, where missing, for the owner alone (0700). */
  createDirectory(path: string): Promise<void>;
  /** Files are made for the owner alone (0600). */
  open(path: string, mode: OpenMode): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  /** Gives a small file a second name, or a copy; EEXIST where that is taken. */
  link(existing: string, path: string): Promise<void>;
  /** Deletes the file; a missing one is no error. */
  remove(path: string): Promise<void>;
  /** The names in a directory. */
  list(path: string): Promise<string[]>;
  /** Returns when the directory's entries are on the disk. */
  syncDirectory(path: string): Promise<void>;
}

/** Opens a file for reading; null where there is none. */
export async function openIfThere(files: Files, path: string): Promise<OpenFile | null> {
  try {
    return await files.open(path, "read");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return null;
    throw error;
  }
}

/** More than a lock or a salt has; what is longer is neither. */
const MAX_SMALL_BYTES = 4096;

/** The first bytes of a file that is known to be small; null where there is none. */
export async function readSmallFile(files: Files, path: string): Promise<Buffer | null> {
  const file = await openIfThere(files, path);
  if (file === null) return null;
  try {
    const target = Buffer.alloc(MAX_SMALL_BYTES);
    return target.subarray(0, await file.read(target, 0));
  } finally {
    await file.close();
  }
}

/** Makes a file with this content. With `sync` it is on the disk when this settles. */
export async function writeNewFile(
  files: Files,
  path: string,
  bytes: Uint8Array,
  { sync }: { readonly sync: boolean },
): Promise<void> {
  const file = await files.open(path, "create");
  try {
    await file.write(bytes, 0);
    if (sync) await file.sync(); // guard: small file, fsync
  } finally {
    await file.close();
  }
}
