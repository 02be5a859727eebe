/**
 * Owns the file port: the real one and the one that forgets must behave alike where a program can
 * see it, and the real one must fsync what it promises to have on the disk.
 */
import type * as fs from "node:fs";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { type Files } from "../../src/worker/ports/files.js";
import { nodeFiles } from "../../src/worker/ports/node-files.js";
import { modeOf } from "../support/directory.js";
import { FaultDisk } from "../support/power/fault-disk.js";
import { FaultFiles } from "../support/power/fault-files.js";
import { tempDirectory } from "../support/temp-dir.js";

/** The paths that were fsynced through a descriptor of their own. */
const synced: string[] = [];
/** What fails, with which code. */
const failing = new Map<"link" | "write", string>();

vi.mock("node:fs", async (original) => {
  const real = await original<typeof fs>();
  const paths = new Map<number, string>();
  const open = (path: string, ...rest: unknown[]): void => {
    const callback = rest.pop() as (error: Error | null, fd: number) => void;
    const [flags, mode] = rest as [number, number?];
    real.open(path, flags, mode, (error, fd) => {
      paths.set(fd, path);
      callback(error, fd);
    });
  };
  const fsync = (fd: number, callback: fs.NoParamCallback): void => {
    synced.push(paths.get(fd) ?? "");
    real.fsync(fd, callback);
  };
  const fdatasync = (fd: number, callback: fs.NoParamCallback): void => {
    synced.push(paths.get(fd) ?? "");
    real.fdatasync(fd, callback);
  };
  const fail = (kind: "link" | "write", callback: fs.NoParamCallback): boolean => {
    const code = failing.get(kind);
    if (code !== undefined) callback(Object.assign(new Error(code), { code }));
    return code !== undefined;
  };
  const link = (existing: string, path: string, callback: fs.NoParamCallback): void => {
    if (!fail("link", callback)) real.link(existing, path, callback);
  };
  const write = (...args: [number, Uint8Array, number, number, number, never]): void => {
    if (!fail("write", args[5])) real.write(...args);
  };
  return { ...real, open, fsync, fdatasync, link, write };
});

afterEach(() => {
  failing.clear();
});

const PORTS: readonly (readonly [name: string, make: () => { files: Files; root: string }])[] = [
  ["the real one", () => ({ files: nodeFiles, root: tempDirectory() })],
  ["the one that forgets", () => ({ files: new FaultFiles(FaultDisk.with("/tmp")), root: "/tmp" })],
];

describe.each(PORTS)("%s", (_, make) => {
  let files: Files;
  let root: string;
  const at = (name: string): string => join(root, name);
  const put = async (name: string, text: string): Promise<void> => {
    const file = await files.open(at(name), "update");
    await file.truncate(0);
    await file.write(Buffer.from(text), 0);
    await file.close();
  };
  const take = async (name: string): Promise<string> => {
    const file = await files.open(at(name), "read");
    const target = Buffer.alloc(64);
    const length = await file.read(target, 0);
    expect(await file.size()).toBe(length);
    await file.close();
    return target.toString("latin1", 0, length);
  };

  beforeEach(() => {
    ({ files, root } = make());
  });

  it("makes directories, those above them, and none that is there", async () => {
    await files.createDirectory(at("a/b/c"));
    await files.createDirectory(at("a/b/c"));
    await put("a/b/c/file", "1");
    expect(await take("a/b/c/file")).toBe("1");
  });

  it("opens in each mode", async () => {
    await expect(files.open(at("x"), "read")).rejects.toMatchObject({ code: "ENOENT" });
    await (await files.open(at("x"), "update")).close();
    expect(await take("x")).toBe("");
    await put("x", "text");
    await (await files.open(at("x"), "update")).close();
    expect(await take("x")).toBe("text");
    await expect(files.open(at("x"), "create")).rejects.toMatchObject({ code: "EEXIST" });
    await (await files.open(at("y"), "create")).close();
    await expect(files.open(at("none/x"), "update")).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("writes anywhere, cuts off, and reads to the end", async () => {
    const file = await files.open(at("x"), "update");
    await file.write(Buffer.from("world"), 6);
    await file.write(Buffer.from("hello"), 0);
    expect(await file.size()).toBe(11);
    await file.truncate(8);
    await file.sync();
    const target = Buffer.alloc(4);
    expect(await file.read(target, 5)).toBe(3);
    expect(target.toString("latin1", 0, 3)).toBe("\0wo");
    expect(await file.read(target, 8)).toBe(0);
    expect(await file.read(target, 100)).toBe(0);
    await file.close();
    await expect(file.size()).rejects.toMatchObject({ code: "EBADF" });
  });

  it("does not write through a descriptor for reading", async () => {
    await put("x", "text");
    const file = await files.open(at("x"), "read");
    await expect(file.write(Buffer.from("y"), 0)).rejects.toMatchObject({ code: "EBADF" });
    await file.close();
  });

  it("renames over another file, which stays readable where it is open", async () => {
    await put("old", "old");
    await put("new", "new");
    const open = await files.open(at("old"), "read");
    await files.rename(at("new"), at("old"));
    expect(await take("old")).toBe("new");
    await expect(files.open(at("new"), "read")).rejects.toMatchObject({ code: "ENOENT" });
    const target = Buffer.alloc(3);
    await open.read(target, 0);
    expect(target.toString()).toBe("old");
    await open.close();
    await expect(files.rename(at("none"), at("x"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("lists the names in a directory", async () => {
    expect(await files.list(root)).toEqual([]);
    await put("b", "");
    await put("a", "");
    expect((await files.list(root)).sort()).toEqual(["a", "b"]);
    await expect(files.list(at("none"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("links, exclusively", async () => {
    await put("x", "x");
    await files.link(at("x"), at("y"));
    expect(await take("y")).toBe("x");
    await put("z", "z");
    await expect(files.link(at("z"), at("y"))).rejects.toMatchObject({ code: "EEXIST" });
    await expect(files.link(at("none"), at("q"))).rejects.toMatchObject({ code: "ENOENT" });
    await files.remove(at("x"));
    expect(await take("y")).toBe("x");
  });

  it("removes what is there, and does not mind what is not", async () => {
    await put("x", "x");
    await files.remove(at("x"));
    await files.remove(at("x"));
    await expect(files.open(at("x"), "read")).rejects.toMatchObject({ code: "ENOENT" });
    await files.syncDirectory(root);
    await expect(files.syncDirectory(at("none"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("a link where the file system has none", () => {
  const written = async (path: string, text: string): Promise<void> => {
    const file = await nodeFiles.open(path, "create");
    await file.write(Buffer.from(text), 0);
    await file.close();
  };

  it.for(["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"])(
    "(%s) is a copy on the disk",
    async (code) => {
      const root = tempDirectory();
      const [x, y] = [join(root, "x"), join(root, "y")];
      await written(x, "text");
      failing.set("link", code);
      synced.length = 0;
      await nodeFiles.link(x, y);
      expect(readFileSync(y, "utf8")).toBe("text");
      expect(synced).toEqual([y]);
      expect(modeOf(y)).toBe(modeOf(x));
      await nodeFiles.remove(x);
      await written(x, "other");
      await expect(nodeFiles.link(x, y)).rejects.toMatchObject({ code: "EEXIST" });
      expect(readFileSync(y, "utf8")).toBe("text");
      await expect(nodeFiles.link(join(root, "none"), join(root, "z"))).rejects.toMatchObject({
        code: "ENOENT",
      });
      expect(readdirSync(root).sort()).toEqual(["x", "y"]);
    },
  );

  it("leaves none that is half a copy", async () => {
    const root = tempDirectory();
    await written(join(root, "x"), "text");
    failing.set("link", "EPERM").set("write", "ENOSPC");
    const linking = nodeFiles.link(join(root, "x"), join(root, "y"));
    await expect(linking).rejects.toMatchObject({ code: "ENOSPC" });
    expect(readdirSync(root)).toEqual(["x"]);
  });
});

describe.skipIf(process.platform === "win32")("every directory that is made", () => {
  it("is fsynced into the one above it", async () => {
    const root = tempDirectory();
    synced.length = 0;
    await nodeFiles.createDirectory(join(root, "a", "b", "c"));
    expect(synced).toEqual(expect.arrayContaining([root, join(root, "a"), join(root, "a", "b")]));
  });

  it("is so even where a process died before it could do that", async () => {
    const root = tempDirectory();
    await nodeFiles.createDirectory(join(root, "a"));
    synced.length = 0;
    await nodeFiles.createDirectory(join(root, "a"));
    expect(synced).toContain(root);
  });
});
