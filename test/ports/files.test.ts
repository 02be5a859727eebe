/**
 * Owns the file port: the real one in both its ways and the one that forgets must behave alike where
 * a program can see it.
 */
import { join } from "node:path";

import { beforeEach, describe, expect, it } from "vitest";

import { isFailedWrite } from "../../src/worker/ports/failure.js";
import { type Files } from "../../src/worker/ports/files.js";
import { nodeFiles } from "../../src/worker/ports/node-files.js";
import { threadFiles } from "../../src/worker/ports/thread-files.js";
import { DISK_THREAD } from "../support/disk-thread.js";
import { FaultDisk } from "../support/power/fault-disk.js";
import { FaultFiles } from "../support/power/fault-files.js";
import { tempDirectory } from "../support/temp-dir.js";

const PORTS: readonly (readonly [name: string, make: () => { files: Files; root: string }])[] = [
  ["the pool", () => ({ files: nodeFiles, root: tempDirectory() })],
  ["the thread", () => ({ files: threadFiles(DISK_THREAD), root: tempDirectory() })],
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
  });

  it("does not confuse a file that was closed with one that was opened since", async () => {
    await put("x", "x");
    const closed = await files.open(at("x"), "existing");
    await closed.close();
    const other = await files.open(at("y"), "create");
    const bytes = Buffer.alloc(1);
    for (const call of [
      () => closed.size(),
      () => closed.read(bytes, 0),
      () => closed.write(bytes, 0),
      () => closed.truncate(5),
      () => closed.sync(),
      () => closed.close(),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: "EBADF" });
    }
    expect(await other.size()).toBe(0);
    await other.close();
  });

  it("writes through, and says if that was refused as a write", async () => {
    const file = await files.open(at("x"), "create");
    await file.write(Buffer.from("hello"), 0);
    await file.writeThrough(Buffer.from("p!"), 3);
    await file.close();
    expect(await take("x")).toBe("help!");
    const reading = await files.open(at("x"), "read");
    const error: unknown = await reading
      .writeThrough(Buffer.from("y"), 0)
      .catch((reason: unknown) => reason);
    expect(isFailedWrite(error)).toBe(true);
    await reading.close();
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

  it("knows a file by any of its names, and that it has lost them", async () => {
    await put("x", "x");
    await put("y", "y");
    const file = await files.open(at("x"), "read");
    const { id } = await file.identity();
    expect(await files.identity(at("x"))).toEqual({ id, links: 1 });
    expect((await files.identity(at("y")))?.id).not.toBe(id);
    expect(await files.identity(at("none"))).toBeNull();
    await files.link(at("x"), at("z"));
    expect(await files.identity(at("z"))).toEqual({ id, links: 2 });
    await files.remove(at("z"));
    await files.rename(at("y"), at("x"));
    expect((await files.identity(at("x")))?.id).not.toBe(id);
    expect(await file.identity()).toEqual({ id, links: 0 });
    await file.close();
  });

  it("knows a directory that has been replaced", async () => {
    await files.createDirectory(at("a"));
    await files.createDirectory(at("b"));
    const before = await files.identity(at("a"));
    expect((await files.identity(at("b")))?.id).not.toBe(before?.id);
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
