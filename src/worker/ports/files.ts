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

/** Which file it is, whatever its names. */
export interface FileIdentity {
  /** Its device and inode: equal for two names, or a name and an open file, of the same file. */
  readonly id: string;
  /** How many names it has: 0 if it was deleted while open. */
  readonly links: number;
}

/** An open file. Positions and lengths are in bytes. */
export interface OpenFile {
  size(): Promise<number>;
  identity(): Promise<FileIdentity>;
  /** Reads into `target` from `position`. Resolves to the bytes read: 0 at the end of the file. */
  read(target: Uint8Array, position: number): Promise<number>;
  /** Writes all of `bytes`, with several system calls if needed. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  truncate(length: number): Promise<void>;
  /** Resolves when the content and the length are on the disk. */
  sync(): Promise<void>;
  /** {@link write}, then {@link sync}: see `isFailedWrite` for which of them failed. */
  writeThrough(bytes: Uint8Array, position: number): Promise<void>;
  close(): Promise<void>;
}

/** What reading takes. */
export type ReadableFile = Pick<OpenFile, "size" | "read">;

/** The operations that the engine needs. They reject with the errors of `node:fs`. */
export interface Files {
  /** Whether operations take effect in the order of the calls, though nobody waits in between. */
  readonly isInOrder?: boolean;
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
  /** The file with this name, which is not opened; null if it does not exist. */
  identity(path: string): Promise<FileIdentity | null>;
  /** The bytes that we may still store below a directory; null if that cannot be known. */
  freeSpace(directory: string): Promise<number | null>;
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
