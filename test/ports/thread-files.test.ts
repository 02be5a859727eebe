/**
 * Owns what is particular to files over a thread: nothing is shared but messages, calls keep their
 * order, and what becomes of them when the thread dies.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { threadFiles } from "../../src/worker/ports/thread-files.js";
import { DISK_THREAD } from "../support/disk-thread.js";
import { openPaths } from "../support/open-paths.js";
import { tempDirectory } from "../support/temp-dir.js";

/** A thread that dies when it is to delete a file named `deadly`, with an exit code of 7. */
const MORTAL = `
  {
    const fs = require("node:fs");
    const { unlinkSync } = fs;
    fs.unlinkSync = (path) => (path.endsWith("deadly") ? process.exit(7) : unlinkSync(path));
  }
  ${DISK_THREAD}`;

function setUp(source = DISK_THREAD): {
  files: ReturnType<typeof threadFiles>;
  at: (name: string) => string;
} {
  const root = tempDirectory();
  return { files: threadFiles(source), at: (name) => join(root, name) };
}

describe("a call", () => {
  it("fails with what the system call failed with", async () => {
    const { files, at } = setUp();
    await expect(files.open(at("none"), "read")).rejects.toMatchObject({
      code: "ENOENT",
      syscall: "open",
      path: at("none"),
    });
    await expect(files.rename(at("none"), at("y"))).rejects.toMatchObject({
      code: "ENOENT",
      syscall: "rename",
      path: at("none"),
      dest: at("y"),
    });
  });

  it("takes effect in its turn, whether the one before is waited for or not", async () => {
    const { files, at } = setUp();
    const file = await files.open(at("x"), "create");
    const calls = [
      file.write(Buffer.from("aaaa"), 0),
      file.write(Buffer.from("bb"), 1),
      file.truncate(3),
      file.write(Buffer.from("c"), 3),
    ];
    const size = file.size();
    const renamed = files.rename(at("x"), at("y"));
    const closed = file.close();
    expect(await size).toBe(4);
    await Promise.all([...calls, renamed, closed]);
    expect(readFileSync(at("y"), "utf8")).toBe("abbc");
  });

  it("writes the bytes that it was given, whatever becomes of the buffer", async () => {
    const { files, at } = setUp();
    const file = await files.open(at("x"), "create");
    const buffer = Buffer.from("-text-");
    const writing = file.write(buffer.subarray(1, 5), 0);
    buffer.fill("?");
    await writing;
    await file.close();
    expect(readFileSync(at("x"), "utf8")).toBe("text");
  });

  it("reads into the part of a buffer that it was given, and no further", async () => {
    const { files, at } = setUp();
    const file = await files.open(at("x"), "create");
    await file.write(Buffer.from("text"), 0);
    const buffer = Buffer.from("--------");
    expect(await file.read(buffer.subarray(2, 5), 1)).toBe(3);
    expect(buffer.toString()).toBe("--ext---");
    expect(await file.read(buffer.subarray(6), 3)).toBe(1);
    expect(buffer.toString()).toBe("--ext-t-");
    await file.close();
  });
});

describe("a thread that dies", () => {
  it("fails the calls under way, those behind them, and those of the files that it had open", async () => {
    const { files, at } = setUp(MORTAL);
    const file = await files.open(at("x"), "create");
    await file.write(Buffer.from("kept"), 0);
    const deadly = files.remove(at("deadly"));
    const outcomes = await Promise.allSettled([
      deadly,
      file.write(Buffer.from("lost"), 0),
      file.sync(),
      files.open(at("y"), "create"),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(Array(4).fill("rejected"));
    await expect(deadly).rejects.toThrow(/disk thread.*7/);
    await expect(file.size()).rejects.toThrow(/disk thread.*7/);
    expect(readFileSync(at("x"), "utf8")).toBe("kept");
  });

  it("is replaced at the next call, which knows nothing of the files open before", async () => {
    const { files, at } = setUp(MORTAL);
    const before = await files.open(at("x"), "create");
    await files.remove(at("deadly")).catch(() => undefined);
    const after = await files.open(at("y"), "create");
    await expect(before.write(Buffer.from("x"), 0)).rejects.toThrow(/disk thread/);
    await expect(before.close()).rejects.toThrow(/disk thread/);
    await after.write(Buffer.from("y"), 0);
    await after.close();
    expect(readFileSync(at("y"), "utf8")).toBe("y");
  });

  it.skipIf(process.platform !== "linux")("leaves no file open", async () => {
    const { files, at } = setUp(MORTAL);
    await files.open(at("x"), "create");
    expect(openPaths()).toContain(at("x"));
    await files.remove(at("deadly")).catch(() => undefined);
    expect(openPaths()).not.toContain(at("x"));
  });

  it("says why, each time that a call starts one", async () => {
    const { files, at } = setUp('throw Object.assign(new Error("no disk"), { code: "ENOENT" });');
    for (let calls = 0; calls < 2; calls++) {
      const error: unknown = await files.identity(at("x")).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ message: expect.stringContaining("no disk") as string });
      // That would say that there is no such file.
      expect(error).not.toHaveProperty("code");
    }
  });
});

describe("the end of a thread", () => {
  it.skipIf(process.platform !== "linux")("waits until a large file has been freed", async () => {
    const { files, at } = setUp();
    const file = await files.open(at("x"), "create");
    await file.truncate(64 * 1024 * 1024);
    await files.remove(at("x"));
    await file.close();
    await files.end();
    expect(openPaths()).not.toContain(`${at("x")} (deleted)`);
  });

  it("comes after what it was asked before, and the next call starts another", async () => {
    const { files, at } = setUp();
    const file = await files.open(at("x"), "create");
    const written = file.write(Buffer.from("text"), 0);
    await files.end();
    await written;
    await expect(file.size()).rejects.toThrow(/disk thread/);
    expect(readFileSync(at("x"), "utf8")).toBe("text");
    expect(await files.list(at(""))).toEqual(["x"]);
  });
});
