/**
 * Owns what the quarantine does with large files and with what it has already: nothing is held whole,
 * nothing of an encrypted collection stays in the clear or under an old key, nothing is kept twice.
 */
import { beforeAll, describe, expect, test, vi } from "vitest";
import { Key, parseSalt } from "../../../src/worker/disk/keys/cipher.js";
import type { OpenFile, OpenMode } from "../../../src/worker/ports/files.js";
import { Keyring } from "../../../src/worker/disk/keys/keyring.js";
import { collectionPaths } from "../../../src/worker/disk/paths.js";
import { quarantine, resealQuarantine } from "../../../src/worker/disk/damage/quarantine.js";
import type { Stretch } from "../../../src/worker/disk/damage/quarantine-pieces.js";
import { MemoryFiles } from "../../support/memory-files.js";

vi.mock("node:crypto", async (original) => {
  const { withFastPbkdf2 } = await import("../../support/fast-pbkdf2.js");
  return withFastPbkdf2(await original());
});

const MEBIBYTE = 1024 * 1024;
const paths = collectionPaths("/data", "sessions");
const SOURCE = "/data/damaged";

let oldKey: Key;
let newKey: Key;
let keyring: Keyring;
let sealedEarlier: string;

beforeAll(async () => {
  const salt = parseSalt("5a".repeat(32))!;
  oldKey = await Key.derive("the old password", salt);
  newKey = await Key.derive("the new password", salt);
  sealedEarlier = oldKey.seal("of an older key");
  keyring = await Keyring.derive(["the new password", "the old password"], salt);
});

/** What begins as an envelope and is none that a key opens. */
function strange(length: number): Buffer {
  const head = `${"0".repeat(32)}:${"0".repeat(32)}:`;
  return Buffer.from(head.padEnd(length, "A"));
}

function linesIn(files: MemoryFiles): string[] {
  return files.content(paths.quarantine).toString("latin1").split("\n");
}

/** A file that need not be held to be read, and what was read of it at once. */
class EndlessLine implements OpenFile {
  readonly #head: Buffer;
  readonly #bytes: number;
  held = 0;

  constructor(head: Buffer, bytes: number) {
    this.#head = head;
    this.#bytes = bytes;
  }

  size = (): Promise<number> => Promise.resolve(this.#bytes);

  read(target: Uint8Array, position: number): Promise<number> {
    const length = Math.max(0, Math.min(target.length, this.#bytes - position));
    target.fill(0x41, 0, length);
    if (position < this.#head.length) this.#head.copy(target, 0, position);
    this.held = Math.max(this.held, process.memoryUsage().arrayBuffers);
    return Promise.resolve(length);
  }

  write = (): Promise<void> => Promise.reject(new Error("it is only read"));
  truncate = (): Promise<void> => Promise.reject(new Error("it is only read"));
  sync = (): Promise<void> => Promise.resolve();
  close = (): Promise<void> => Promise.resolve();
}

/** The quarantine is this file, until another takes its name. */
class FilesWith extends MemoryFiles {
  readonly #file: OpenFile;

  constructor(file: OpenFile) {
    super();
    this.#file = file;
  }

  override open(path: string, mode: OpenMode): Promise<OpenFile> {
    return path === paths.quarantine ? Promise.resolve(this.#file) : super.open(path, mode);
  }
}

describe("resealing", () => {
  test("leaves an envelope alone that is longer than any line, and does not hold it", async () => {
    const line = new EndlessLine(strange(66), 600 * MEBIBYTE);
    const files = new FilesWith(line);
    const before = process.memoryUsage().arrayBuffers;
    await resealQuarantine(files, paths, keyring);
    expect(files.contents()).toEqual(new Map());
    expect(line.held - before).toBeLessThan(100 * MEBIBYTE);
  });

  test("copies long envelopes, and tries no key on them", async () => {
    const long = strange(20 * MEBIBYTE);
    const short = strange(1000);
    const files = new MemoryFiles();
    const text = ["in the clear", long, short, newKey.seal("kept"), oldKey.seal("old")].join("\n");
    files.put(paths.quarantine, Buffer.from(`${text}\n`));
    const open = vi.spyOn(Key.prototype, "open");
    await resealQuarantine(files, paths, keyring);
    const tried = open.mock.calls.map(([envelope]) => envelope.length);
    open.mockRestore();
    expect(Math.max(...tried)).toBeLessThan(MEBIBYTE);

    const lines = linesIn(files).map((line) => Buffer.from(line));
    expect(lines.map((line) => (line.length > 66 ? newKey.open(line)?.toString() : null))).toEqual([
      "in the clear",
      undefined,
      undefined,
      "kept",
      "old",
      null,
    ]);
    expect(lines[1]!.equals(long)).toBe(true);
    expect(lines[2]!.equals(short)).toBe(true);
    expect([...files.contents().keys()]).toEqual([paths.quarantine]);
  });

  test("seals plaintext of any length, whatever stands in the middle of it", async () => {
    const line = Buffer.concat([Buffer.alloc(MEBIBYTE, "x"), strange(MEBIBYTE), strange(100)]);
    const files = new MemoryFiles([[paths.quarantine, Buffer.concat([line, Buffer.from("\ny")])]]);
    await resealQuarantine(files, paths, keyring);
    const contents = linesIn(files)
      .filter((each) => each !== "")
      .map((each) => newKey.open(Buffer.from(each))!);
    expect(Buffer.concat(contents).equals(Buffer.concat([line, Buffer.from("\ny")]))).toBe(true);
  });

  test("writes nothing where there is nothing to seal", async () => {
    const files = new MemoryFiles();
    files.put(paths.quarantine, Buffer.from(`${newKey.seal("kept")}\n`));
    const rename = vi.spyOn(files, "rename");
    await resealQuarantine(files, paths, keyring);
    expect(rename).not.toHaveBeenCalled();
  });
});

describe.each(["plain", "encrypted"])("the damage of a collection, %s", (kind) => {
  const keys = (): Keyring | null => (kind === "plain" ? null : keyring);
  const torn = "half a rec";

  /** A file with damage of every kind in it, and a torn tail. */
  async function scene(tail = torn) {
    const files = new MemoryFiles();
    const parts = [
      "one damaged line",
      `several\n\nof them${"x".repeat(2 * MEBIBYTE)}\n`,
      `${sealedEarlier}\n${strange(300).toString()}\nand one in the clear`,
      strange(MEBIBYTE * 3).toString(),
      tail,
    ];
    files.put(SOURCE, Buffer.from(parts.join("\n")));
    const file = await files.open(SOURCE, "read");
    let at = 0;
    const stretches = parts.map((part): Stretch => {
      const start = at;
      at += part.length + 1;
      return { file, start, end: start + part.length };
    });
    return { files, damage: stretches.slice(0, -1), torn: stretches.slice(-1) };
  }

  test("is kept once, however often it is found", async () => {
    const { files, damage } = await scene();
    files.put(
      paths.quarantine,
      Buffer.from(kind === "plain" ? "earlier\n" : `${newKey.seal("earlier")}\n`),
    );
    await quarantine(files, paths, keys(), damage, []);
    const once = files.content(paths.quarantine);
    await quarantine(files, paths, keys(), damage, []);
    expect(files.content(paths.quarantine).equals(once)).toBe(true);
    // What a compaction took care of is gone: what is left is what the quarantine ends with.
    await quarantine(files, paths, keys(), damage.slice(2), []);
    expect(files.content(paths.quarantine).equals(once)).toBe(true);
    await quarantine(files, paths, keys(), damage.slice(0, 2), []);
    expect(files.content(paths.quarantine).length).toBeGreaterThan(once.length);
  });

  test("is kept once, though each crash leaves another torn tail", async () => {
    const sizes: number[] = [];
    const first = await scene();
    for (let opening = 0; opening < 4; opening++) {
      const { files, damage, torn } = await scene(`${opening}`);
      files.put(paths.quarantine, first.files.content(paths.quarantine));
      await quarantine(files, paths, keys(), damage, torn);
      await quarantine(files, paths, keys(), damage, torn);
      await quarantine(files, paths, keys(), damage, []);
      first.files.put(paths.quarantine, files.content(paths.quarantine));
      sizes.push(files.content(paths.quarantine).length);
    }
    const growth = sizes.slice(1).map((size, index) => size - sizes[index]!);
    expect(new Set(growth).size).toBe(1);
    expect(growth[0]).toBe(kind === "plain" ? 2 : 71);
  });

  test.each([1, 100, 3 * MEBIBYTE])(
    "is kept whole behind one of which a power cut left %i bytes",
    async (bytes) => {
      const { files, damage, torn } = await scene();
      await quarantine(files, paths, keys(), damage, torn);
      const whole = files.content(paths.quarantine);
      const half = whole.subarray(0, bytes);
      files.put(paths.quarantine, half);
      await quarantine(files, paths, keys(), damage, torn);
      const kept = files.content(paths.quarantine);
      const second = kept.subarray(half.length);
      expect(second[0]).toBe(0x0a);
      expect(second.length).toBe(whole.length + 1);
      await quarantine(files, paths, keys(), damage, torn);
      expect(files.content(paths.quarantine).equals(kept)).toBe(true);
    },
  );

  test("is cut off again where the disk gets full", async () => {
    const { files, damage, torn } = await scene();
    files.put(paths.quarantine, Buffer.from("earlier\n"));
    const open = files.open.bind(files);
    vi.spyOn(files, "open").mockImplementation(async (path, mode) => {
      const file = await open(path, mode);
      const write = file.write.bind(file);
      let left = 2;
      file.write = (bytes, position) => {
        if (left-- > 0) return write(bytes, position);
        return Promise.reject(Object.assign(new Error("ENOSPC"), { code: "ENOSPC" }));
      };
      return file;
    });
    const keeping = quarantine(files, paths, keys(), damage, torn);
    await expect(keeping).rejects.toMatchObject({ code: "ENOSPC" });
    expect(files.content(paths.quarantine).toString()).toBe("earlier\n");
  });

  test("has nothing in it that a key was given for", async () => {
    const { files, damage, torn } = await scene();
    await quarantine(files, paths, keys(), damage, torn);
    if (kind === "plain") await resealQuarantine(files, paths, keyring);
    const rename = vi.spyOn(files, "rename");
    await resealQuarantine(files, paths, keyring);
    expect(rename).not.toHaveBeenCalled();
    expect(files.content(paths.quarantine).includes("in the clear")).toBe(false);
    const opened = linesIn(files).map((line) => oldKey.open(Buffer.from(line.padEnd(66, "0"))));
    expect(opened.every((content) => content === null)).toBe(true);
  });
});
