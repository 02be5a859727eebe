/**
 * The file-system interface: the engine reaches the files of a collection only through it, so that
 * a test can simulate a power cut or a full disk; and what small files need of it.
 */
import { isErrno } from "./failure.js";

export type OpenMode =
  /** For reading; it must exist. */
  | "read"
  /** For reading and writing; it must exist. */
  | "existing"
  /** For reading and writing; it is created if missing. */
  | "update"
  /** For reading and writing; it must not exist. */
  | "create";

/** An open file. Positions and lengths are in bytes. */
export interface OpenFile {
  size(): Promise<number>;
  /** Reads into `target` from `position`. Resolves to the bytes read: 0 at the end of the file. */
  read(target: Uint8Array, position: number): Promise<number>;
  /** Writes all of `bytes`, with several system calls if needed. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  truncate(length: number): Promise<void>;
  /** Resolves when the content and the length are on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The operations that the engine needs. They reject with the errors of `node:fs`. */
export interface Files {
  /** Creates the directory and its missing parents, accessible to the owner only (0700). */
  createDirectory(path: string): Promise<void>;
  /** New files are accessible to the owner only (0600). */
  open(path: string, mode: OpenMode): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  /** Hard-links a small file, or copies it if links are unsupported. EEXIST if `path` exists. */
  link(existing: string, path: string): Promise<void>;
  /** Deletes the file if it exists. */
  remove(path: string): Promise<void>;
  /** The names of the entries of a directory. */
  list(path: string): Promise<string[]>;
  /** Resolves when the directory's entries are on the disk. */
  syncDirectory(path: string): Promise<void>;
}

/** Opens a file for reading; null if it does not exist. */
export async function openIfThere(files: Files, path: string): Promise<OpenFile | null> {
  try {
    return await files.open(path, "read");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return null;
    throw error;
  }
}

/** Longer than any valid lock or salt. */
const MAX_SMALL_BYTES = 4096;

/** The first 4 KiB of a file that should be small; null if it does not exist. */
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

/** Creates a file with this content. With `sync` it is on the disk when this resolves. */
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
