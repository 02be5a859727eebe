/** The real file system, over one of the two ways to make its calls. */
import type { BigIntStats } from "node:fs";
import { constants } from "node:fs";
import { dirname } from "node:path";

import { errno, isErrno } from "./failure.js";
import {
  type FileIdentity,
  type Files,
  type OpenFile,
  type OpenMode,
  readSmallFile,
  writeNewFile,
} from "./files.js";
import { pooledCalls, type SystemCalls } from "./system-calls.js";

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = constants;

const FLAGS: Record<OpenMode, number> = {
  read: O_RDONLY,
  existing: O_RDWR,
  update: O_RDWR | O_CREAT,
  create: O_RDWR | O_CREAT | O_EXCL,
};

/** The most that one system call transfers; Linux allows 2 GiB - 4 KiB, macOS 2 GiB - 1. */
const MAX_TRANSFER_BYTES = 1 << 30;

/** What a failed link says of the files or of the disk, not of links. */
const NOT_FOR_LACK_OF_LINKS = ["EEXIST", "ENOENT", "EIO", "ENOSPC", "EDQUOT"];

/** How the fsync of an open directory fails where the file system has none, such as SMB. */
const NO_DIRECTORY_SYNC = [
  ...["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"],
  ...["EPERM", "EACCES", "EISDIR", "EBADF"],
];

export function filesOver(calls: SystemCalls): Files {
  const files: Files = {
    async createDirectory(path) {
      // Not with `recursive`: it syncs nothing, and never returns under /proc, where it gets ENOENT.
      try {
        await makeDirectory(calls, files, path);
      } catch (error) {
        if (!isErrno(error, "ENOENT") || dirname(path) === path) throw error;
        await files.createDirectory(dirname(path));
        await makeDirectory(calls, files, path);
      }
    },

    async open(path, mode) {
      return nodeFile(calls, await calls.open(path, FLAGS[mode], 0o600));
    },

    async rename(from, to) {
      await calls.rename(from, to);
    },

    async link(existing, path) {
      try {
        await calls.link(existing, path);
      } catch (error) {
        if (isErrno(error, ...NOT_FOR_LACK_OF_LINKS)) throw error;
        await copyExclusively(files, existing, path);
      }
    },

    async remove(path) {
      try {
        await calls.unlink(path);
      } catch (error) {
        if (!isErrno(error, "ENOENT")) throw error;
      }
    },

    async list(path) {
      return calls.readdir(path);
    },

    async syncDirectory(path) {
      // Windows cannot open a directory to sync it, and writes its entries through by itself.
      if (process.platform === "win32") return;
      const fd = await calls.open(path, O_RDONLY, 0);
      try {
        await calls.fsync(fd);
      } catch (error) {
        if (!isErrno(error, ...NO_DIRECTORY_SYNC)) throw error;
      } finally {
        await calls.close(fd);
      }
    },

    async identity(path) {
      try {
        return identityOf(await calls.stat(path));
      } catch (error) {
        if (isErrno(error, "ENOENT")) return null;
        throw error;
      }
    },

    async freeSpace(directory) {
      try {
        const { blocks, bavail, bsize } = await calls.statfs(directory);
        // A file system without a size, such as a tmpfs without a limit, says 0.
        return blocks === 0 ? null : bavail * bsize;
      } catch {
        return null;
      }
    },
  };
  return files;
}

/** Through the pool. */
export const nodeFiles = filesOver(pooledCalls);

/**
 * Replaces a hard link on a file system without them. Equally exclusive and durable, but others may
 * see the file before it is complete.
 */
async function copyExclusively(files: Files, existing: string, path: string): Promise<void> {
  const content = await readSmallFile(files, existing);
  if (content === null) throw errno("ENOENT", "link", `${existing} has been deleted`);
  try {
    await writeNewFile(files, path, content, { sync: true });
  } catch (error) {
    if (!isErrno(error, "EEXIST")) await files.remove(path).catch(() => undefined);
    throw error;
  }
}

/** Creates one directory, unless it exists, and syncs its entry in the parent directory. */
async function makeDirectory(calls: SystemCalls, files: Files, path: string): Promise<void> {
  try {
    await calls.mkdir(path, 0o700);
  } catch (error) {
    if (!isErrno(error, "EEXIST") || !(await calls.stat(path)).isDirectory()) throw error;
  }
  // Even if it existed: its creator may have died before this step.
  try {
    await files.syncDirectory(dirname(path)); // guard: files, directory above a new one
  } catch (error) {
    // A parent that we may enter but not read cannot be opened to be synced.
    if (!isErrno(error, "EACCES")) throw error;
  }
}

function identityOf({ dev, ino, nlink }: BigIntStats): FileIdentity {
  return { id: `${dev}:${ino}`, links: Number(nlink) };
}

function nodeFile(calls: SystemCalls, descriptor: number): OpenFile {
  let fd: number | null = descriptor;
  const opened = (syscall: string): number => {
    if (fd === null) throw errno("EBADF", syscall, "the file has been closed");
    return fd;
  };
  const file: OpenFile = {
    async size() {
      return Number((await calls.fstat(opened("fstat"))).size);
    },

    async identity() {
      return identityOf(await calls.fstat(opened("fstat")));
    },

    async read(target, position) {
      const length = Math.min(target.byteLength, MAX_TRANSFER_BYTES);
      return calls.read(opened("read"), target, length, position);
    },

    async write(bytes, position) {
      for (let done = 0; done < bytes.byteLength;) {
        const length = Math.min(bytes.byteLength - done, MAX_TRANSFER_BYTES);
        const written = await calls.write(opened("write"), bytes, done, length, position + done);
        if (written === 0) throw errno("EIO", "write", "the file system takes no bytes");
        done += written;
      }
    },

    async truncate(length) {
      await calls.ftruncate(opened("ftruncate"), length);
    },

    async sync() {
      // fdatasync omits only metadata that reading does not need, such as the modification time.
      await calls.fdatasync(opened("fdatasync"));
    },

    async writeThrough(bytes, position) {
      await file.write(bytes, position);
      await file.sync();
    },

    async close() {
      const last = opened("close");
      // Its number may soon be that of another file, even if the call fails.
      fd = null;
      await calls.close(last);
    },
  };
  return file;
}
