/**
 * Owns the real files in both their ways: what they fsync, what they do where a file system cannot do
 * something, and which failures of its calls they pass on.
 */
import { readdirSync, readFileSync, statfsSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { isFailedWrite } from "../../src/worker/ports/failure.js";
import type { Files } from "../../src/worker/ports/files.js";
import { filesOver } from "../../src/worker/ports/node-files.js";
import {
  blockingCalls,
  pooledCalls,
  type SystemCalls,
} from "../../src/worker/ports/system-calls.js";
import { modeOf } from "../support/directory.js";
import { tempDirectory } from "../support/temp-dir.js";

const WAYS: readonly (readonly [name: string, calls: SystemCalls])[] = [
  ["the pool", pooledCalls],
  ["the thread that waits", blockingCalls],
];

/** A system call that fails. */
function failing(code: string): () => never {
  return () => {
    throw Object.assign(new Error(code), { code });
  };
}

/** The paths that were fsynced, in order, through the descriptors that they were opened with. */
function watchSyncs(real: SystemCalls): { calls: SystemCalls; synced: string[] } {
  const synced: string[] = [];
  const paths = new Map<number, string>();
  const calls: SystemCalls = {
    ...real,
    async open(path, flags, mode) {
      const fd = await real.open(path, flags, mode);
      paths.set(fd, path);
      return fd;
    },
    fsync(fd) {
      synced.push(paths.get(fd) ?? "");
      return real.fsync(fd);
    },
    fdatasync(fd) {
      synced.push(paths.get(fd) ?? "");
      return real.fdatasync(fd);
    },
  };
  return { calls, synced };
}

async function write(files: Files, path: string, text: string): Promise<void> {
  const file = await files.open(path, "create");
  try {
    await file.write(Buffer.from(text), 0);
  } finally {
    await file.close();
  }
}

describe.each(WAYS)("%s", (_, calls) => {
  const files = filesOver(calls);

  describe("the free space", () => {
    it("is what we may use", async () => {
      const root = tempDirectory();
      const { bavail, bsize } = statfsSync(root);
      const free = (await files.freeSpace(root)) ?? 0;
      // Others use the disk meanwhile, but not half of it.
      expect(free).toBeGreaterThan((bavail * bsize) / 2);
      expect(free).toBeLessThan(bavail * bsize * 2);
    });

    it("is unknown where nobody can say", async () => {
      expect(await files.freeSpace(join(tempDirectory(), "none"))).toBeNull();
      if (process.platform === "linux") expect(await files.freeSpace("/proc")).toBeNull();
    });
  });

  describe("a link where the file system has none", () => {
    const NO_LINKS = ["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EISDIR", "EINVAL", "EMLINK"];

    it.for([...NO_LINKS, "EXDEV", "UNKNOWN"])("(%s) is a copy on the disk", async (code) => {
      const root = tempDirectory();
      const [x, y] = [join(root, "x"), join(root, "y")];
      const { calls: watched, synced } = watchSyncs({ ...calls, link: failing(code) });
      const linkless = filesOver(watched);
      await write(files, x, "text");
      await linkless.link(x, y);
      expect(readFileSync(y, "utf8")).toBe("text");
      expect(synced).toEqual([y]);
      expect(modeOf(y)).toBe(modeOf(x));
      await files.remove(x);
      await write(files, x, "other");
      await expect(linkless.link(x, y)).rejects.toMatchObject({ code: "EEXIST" });
      expect(readFileSync(y, "utf8")).toBe("text");
      await expect(linkless.link(join(root, "none"), join(root, "z"))).rejects.toMatchObject({
        code: "ENOENT",
      });
      expect(readdirSync(root).sort()).toEqual(["x", "y"]);
    });

    it("leaves none that is half a copy", async () => {
      const root = tempDirectory();
      await write(files, join(root, "x"), "text");
      const full = filesOver({ ...calls, link: failing("EPERM"), write: failing("ENOSPC") });
      const linking = full.link(join(root, "x"), join(root, "y"));
      await expect(linking).rejects.toMatchObject({ code: "ENOSPC" });
      expect(readdirSync(root)).toEqual(["x"]);
    });
  });

  it.for(["EIO", "ENOSPC", "EDQUOT"])("a link that fails with %s is no copy", async (code) => {
    const root = tempDirectory();
    await write(files, join(root, "x"), "text");
    const linking = filesOver({ ...calls, link: failing(code) }).link(
      join(root, "x"),
      join(root, "y"),
    );
    await expect(linking).rejects.toMatchObject({ code });
    expect(readdirSync(root)).toEqual(["x"]);
  });

  it("a write of nothing is an error, and not tried for ever", async () => {
    const stuck = filesOver({ ...calls, write: () => 0 });
    const writing = write(stuck, join(tempDirectory(), "x"), "text");
    await expect(writing).rejects.toMatchObject({ code: "EIO", syscall: "write" });
  });

  it("a write that the system does in pieces is whole", async () => {
    const path = join(tempDirectory(), "x");
    const piecewise = filesOver({
      ...calls,
      write: (fd, bytes, offset, length, position) =>
        calls.write(fd, bytes, offset, Math.min(length, 3), position),
    });
    await write(piecewise, path, "in pieces of three");
    expect(readFileSync(path, "utf8")).toBe("in pieces of three");
  });

  it("a write through is one and an fsync, and is no failed write where only that fails", async () => {
    const path = join(tempDirectory(), "x");
    const { calls: watched, synced } = watchSyncs(calls);
    const file = await filesOver(watched).open(path, "create");
    await file.writeThrough(Buffer.from("text"), 0);
    await file.close();
    expect(synced).toEqual([path]);
    expect(readFileSync(path, "utf8")).toBe("text");

    const failed = await filesOver({ ...calls, fdatasync: failing("EIO") }).open(path, "existing");
    const error: unknown = await failed
      .writeThrough(Buffer.from("TEXT"), 0)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "EIO" });
    expect(isFailedWrite(error)).toBe(false);
    await failed.close();
  });

  it("a descriptor whose closing fails is not used again", async () => {
    const file = await filesOver({ ...calls, close: failing("EIO") }).open(
      join(tempDirectory(), "x"),
      "create",
    );
    await expect(file.close()).rejects.toMatchObject({ code: "EIO" });
    await expect(file.write(Buffer.from("x"), 0)).rejects.toMatchObject({ code: "EBADF" });
  });

  describe.skipIf(process.platform === "win32")("every directory that is made", () => {
    it("is fsynced into the one above it", async () => {
      const root = tempDirectory();
      const { calls: watched, synced } = watchSyncs(calls);
      await filesOver(watched).createDirectory(join(root, "a", "b", "c"));
      expect(synced).toEqual(expect.arrayContaining([root, join(root, "a"), join(root, "a", "b")]));
    });

    it("is so even where a process died before it could do that", async () => {
      const root = tempDirectory();
      await files.createDirectory(join(root, "a"));
      const { calls: watched, synced } = watchSyncs(calls);
      await filesOver(watched).createDirectory(join(root, "a"));
      expect(synced).toContain(root);
    });
  });

  describe.skipIf(process.platform === "win32")("the fsync of a directory", () => {
    const NONE = ["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"];

    it.for([...NONE, "EPERM", "EACCES", "EISDIR", "EBADF"])(
      "is done without where the file system answers %s",
      async (code) => {
        const root = tempDirectory();
        const without = filesOver({ ...calls, fsync: failing(code) });
        await without.syncDirectory(root);
        await without.createDirectory(join(root, "a", "b"));
        expect(readdirSync(join(root, "a"))).toEqual(["b"]);
      },
    );

    it.for(["EIO", "ENOSPC", "EDQUOT"])("fails with %s where the disk does", async (code) => {
      const root = tempDirectory();
      const failed = filesOver({ ...calls, fsync: failing(code) });
      await expect(failed.syncDirectory(root)).rejects.toMatchObject({ code });
      await expect(failed.createDirectory(join(root, "a"))).rejects.toMatchObject({ code });
    });

    it("of one that cannot be opened fails", async () => {
      const closed = filesOver({ ...calls, open: failing("EACCES") });
      const syncing = closed.syncDirectory(tempDirectory());
      await expect(syncing).rejects.toMatchObject({ code: "EACCES" });
    });
  });
});
