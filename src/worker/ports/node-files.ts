/** The real file system, through the thread pool of libuv. */
import * as fs from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";

import { isErrno } from "./failure.js";
import { type Files, type OpenFile, type OpenMode, writeNewFile } from "./files.js";

const openFd = promisify(fs.open);
const closeFd = promisify(fs.close);
const readFd = promisify(fs.read) as (
  fd: number,
  target: Uint8Array,
  offset: number,
  length: number,
  position: number,
) => Promise<{ bytesRead: number }>;
const writeFd = promisify(fs.write) as (
  fd: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  position: number,
) => Promise<{ bytesWritten: number }>;
const statFd = promisify(fs.fstat);
const truncateFd = promisify(fs.ftruncate);
const syncFd = promisify(fs.fsync);
const syncDataFd = promisify(fs.fdatasync);

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = fs.constants;

const FLAGS: Record<OpenMode, number> = {
  read: O_RDONLY,
  existing: O_RDWR,
  update: O_RDWR | O_CREAT,
  create: O_RDWR | O_CREAT | O_EXCL,
};

/** The most that one system call transfers; Linux allows 2 GiB - 4 KiB, macOS 2 GiB - 1. */
const MAX_TRANSFER_BYTES = 1 << 30;

/** How `link` fails on a file system without hard links, such as exFAT; EISDIR on Windows. */
const NO_LINKS = new Set(["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EISDIR"]);

export const nodeFiles: Files = {
  async createDirectory(path) {
    // Not with `recursive`: it syncs nothing, and never returns under /proc, where it gets ENOENT.
    try {
      await makeDirectory(path);
    } catch (error) {
      if (!isErrno(error, "ENOENT") || dirname(path) === path) throw error;
      await nodeFiles.createDirectory(dirname(path));
      await makeDirectory(path);
    }
  },

  async open(path, mode) {
    return new NodeFile(await openFd(path, FLAGS[mode], 0o600));
  },

  rename: promisify(fs.rename),

  async link(existing, path) {
    try {
      await promisify(fs.link)(existing, path);
    } catch (error) {
      if (!NO_LINKS.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
      await copyExclusively(existing, path);
    }
  },

  async remove(path) {
    await promisify(fs.rm)(path, { force: true });
  },

  list: promisify(fs.readdir),

  async syncDirectory(path) {
    // Windows cannot open a directory to sync it, and writes its entries through by itself.
    if (process.platform === "win32") return;
    const fd = await openFd(path, O_RDONLY);
    try {
      await syncFd(fd);
    } finally {
      await closeFd(fd);
    }
  },
};

/**
 * Replaces a hard link on a file system without them. Equally exclusive and durable, but others may
 * see the file before it is complete.
 */
async function copyExclusively(existing: string, path: string): Promise<void> {
  const content = await promisify(fs.readFile)(existing);
  try {
    await writeNewFile(nodeFiles, path, content, { sync: true });
  } catch (error) {
    if (!isErrno(error, "EEXIST")) await nodeFiles.remove(path).catch(() => undefined);
    throw error;
  }
}

/** Creates one directory, unless it exists, and syncs its entry in the parent directory. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await promisify(fs.mkdir)(path, { mode: 0o700 });
  } catch (error) {
    if (!isErrno(error, "EEXIST") || !(await promisify(fs.stat)(path)).isDirectory()) throw error;
  }
  // Even if it existed: its creator may have died before this step.
  try {
    await nodeFiles.syncDirectory(dirname(path)); // guard: files, directory above a new one
  } catch (error) {
    // A parent that we may enter but not read cannot be opened to be synced.
    if (!isErrno(error, "EACCES")) throw error;
  }
}

class NodeFile implements OpenFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  async size(): Promise<number> {
    return (await statFd(this.#fd)).size;
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    const length = Math.min(target.byteLength, MAX_TRANSFER_BYTES);
    return (await readFd(this.#fd, target, 0, length, position)).bytesRead;
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.byteLength;) {
      const length = Math.min(bytes.byteLength - done, MAX_TRANSFER_BYTES);
      const { bytesWritten } = await writeFd(this.#fd, bytes, done, length, position + done);
      done += bytesWritten;
    }
  }

  truncate(length: number): Promise<void> {
    return truncateFd(this.#fd, length);
  }

  sync(): Promise<void> {
    // fdatasync omits only metadata that reading does not need, such as the modification time.
    return syncDataFd(this.#fd);
  }

  close(): Promise<void> {
    return closeFd(this.#fd);
  }
}
