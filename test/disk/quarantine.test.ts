/**
 * Owns what the quarantine keeps: every byte of what was found, once, sealed where the collection is
 * encrypted, without ever holding a large file in memory.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { isEnvelope, Key, parseSalt } from "../../src/worker/disk/keys/cipher.js";
import { Keyring } from "../../src/worker/disk/keys/keyring.js";
import { collectionPaths } from "../../src/worker/disk/paths.js";
import {
  type Finding,
  findingOf,
  findingsIn,
  quarantine,
  sealPlaintext,
} from "../../src/worker/disk/quarantine.js";
import type { Files, OpenFile } from "../../src/worker/ports/files.js";
import { MemoryFiles } from "../support/memory-files.js";
import { FaultDisk } from "../support/power/fault-disk.js";
import { FaultFiles } from "../support/power/fault-files.js";
import { CUTS } from "../support/power/unsynced.js";
import { seededRandom } from "../support/random.js";

vi.mock("node:crypto", async (original) => {
  const { withFastPbkdf2 } = await import("../support/fast-pbkdf2.js");
  return withFastPbkdf2(await original());
});

const MEBIBYTE = 1024 * 1024;
const paths = collectionPaths("/data", "sessions");
const SOURCE = "/data/damaged";
const NAME = /^\/data\/sessions\.quarantine\.[0-9a-f]{16}\.log$/;

let key: Key;
let keyring: Keyring;

beforeAll(async () => {
  const salt = parseSalt("5a".repeat(32))!;
  key = await Key.derive("the password", salt);
  keyring = await Keyring.derive(["the password"], salt);
});

/** Bytes that begin as an envelope does, and that no key opens. */
function strange(length: number): string {
  return `${"0".repeat(32)}:${"0".repeat(32)}:`.padEnd(length, "A");
}

const PARTS = [
  "one damaged line",
  `several\n\nof them${"x".repeat(2 * MEBIBYTE)}\n`,
  strange(300),
  strange(3 * MEBIBYTE),
  "",
];

/** A file with damage of every kind in it. */
async function scene(): Promise<{ files: MemoryFiles; findings: Finding[] }> {
  const files = new MemoryFiles();
  files.put(SOURCE, Buffer.from(PARTS.join("\n")));
  let at = 0;
  const ranges = PARTS.map((text) => {
    const start = at;
    at += text.length + 1;
    return { start, end: start + text.length };
  });
  return { files, findings: findingsIn(await files.open(SOURCE, "read"), ranges) };
}

/** The paths of all files of the quarantine. */
function kept(files: MemoryFiles): string[] {
  return [...files.contents().keys()].filter((path) => path !== SOURCE);
}

/** What a file of the quarantine holds, its envelopes opened. */
function contentOf(files: MemoryFiles, path: string): string {
  return files
    .content(path)
    .toString("latin1")
    .split("\n")
    .map((line) =>
      isEnvelope(Buffer.from(line)) ? (key.open(Buffer.from(line))?.toString() ?? line) : line,
    )
    .join("\n");
}

async function readAll(files: Files, path: string): Promise<string> {
  const file = await files.open(path, "read");
  const content = Buffer.alloc(await file.size());
  await file.read(content, 0);
  return content.toString();
}

describe.each(["plain", "encrypted"])("what is found in a collection, %s,", (kind) => {
  const keys = (): Keyring | null => (kind === "plain" ? null : keyring);

  it("is kept whole, under a name of its own", async () => {
    const { files, findings } = await scene();
    const path = await quarantine(files, paths, keys(), findings);
    expect(path).toMatch(NAME);
    expect(kept(files)).toEqual([path]);
    const content = contentOf(files, path!).replaceAll("\n", "");
    expect(content).toBe(PARTS.map((text) => text.replaceAll("\n", "")).join(""));
  });

  it("is kept once, however often it is found", async () => {
    const { files, findings } = await scene();
    const path = await quarantine(files, paths, keys(), findings);
    const once = files.content(path!);
    expect(await quarantine(files, paths, keys(), findings)).toBe(path);
    expect(files.content(path!).equals(once)).toBe(true);
    expect(kept(files)).toEqual([path]);
  });

  it("is kept beside what was found before", async () => {
    const { files, findings } = await scene();
    const first = await quarantine(files, paths, keys(), findings.slice(0, 1));
    const before = files.content(first!);
    const second = await quarantine(files, paths, keys(), findings);
    expect(second).not.toBe(first);
    expect(files.content(first!).equals(before)).toBe(true);
  });

  it("may be a text", async () => {
    const files = new MemoryFiles();
    const path = await quarantine(files, paths, keys(), [findingOf('{"é":1}')]);
    const line = files.content(path!).toString().trimEnd();
    const text = kind === "plain" ? line : key.open(Buffer.from(line))?.toString();
    expect(text).toBe('{"é":1}');
  });

  it("leaves nothing behind where the disk gets full", async () => {
    const { files, findings } = await scene();
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
    const keeping = quarantine(files, paths, keys(), findings);
    await expect(keeping).rejects.toMatchObject({ code: "ENOSPC" });
    expect(kept(files)).toEqual([]);
  });

  it.each(CUTS)(
    "is there after a power cut that leaves %s of what was not fsynced",
    async (cut) => {
      const disk = FaultDisk.with("/data");
      const files = new FaultFiles(disk);
      const findings = [findingOf("found")];
      // Whoever found it first was killed before its name was on the disk.
      vi.spyOn(files, "syncDirectory").mockResolvedValueOnce();
      const path = await quarantine(files, paths, keys(), findings);
      expect(await quarantine(files, paths, keys(), findings)).toBe(path);
      const after = new FaultFiles(disk.after(cut, seededRandom(1)));
      expect(await readAll(after, path!)).toEqual(await readAll(files, path!));
    },
  );

  it("makes no file where there is nothing", async () => {
    const files = new MemoryFiles();
    expect(await quarantine(files, paths, keys(), [])).toBeNull();
    expect(kept(files)).toEqual([]);
  });
});

it("many small findings make few writes", async () => {
  const files = new MemoryFiles();
  let writes = 0;
  const open = files.open.bind(files);
  vi.spyOn(files, "open").mockImplementation(async (path, mode) => {
    const file = await open(path, mode);
    const write = file.write.bind(file);
    file.write = (bytes, position) => {
      writes++;
      return write(bytes, position);
    };
    return file;
  });
  const texts = Array.from({ length: 20_000 }, (_, index) => `finding ${index}`);
  const path = await quarantine(files, paths, null, texts.map(findingOf));
  expect(files.content(path!).toString()).toBe(texts.map((text) => `${text}\n`).join(""));
  expect(writes).toBeLessThan(10);
});

describe("when a key is given", () => {
  const first = "/data/sessions.quarantine.log";

  it("what was kept as plaintext is encrypted, also behind an envelope of version 1.0", async () => {
    const files = new MemoryFiles();
    files.put(first, Buffer.from(`${strange(300)}\nin the clear\n`));
    await quarantine(files, paths, null, [findingOf("named, in the clear")]);
    await sealPlaintext(files, paths, keyring);
    const names = kept(files);
    expect(names).toHaveLength(2);
    expect(names).not.toContain(first);
    const contents = names.map((path) => contentOf(files, path)).join();
    expect(contents).toContain(strange(300));
    expect(contents).toContain("named, in the clear");
    for (const path of names) expect(files.content(path).includes("in the clear")).toBe(false);
  });

  it("what is encrypted stays as it is, under whichever key", async () => {
    const files = new MemoryFiles();
    await quarantine(files, paths, keyring, [findingOf("sealed")]);
    const before = files.contents();
    const salt = parseSalt("5a".repeat(32))!;
    await sealPlaintext(files, paths, await Keyring.derive(["another password"], salt));
    expect(files.contents()).toEqual(before);
  });
});

it("with a key, no plaintext is kept, nor does the name tell of it", async () => {
  const { files, findings } = await scene();
  const plain = await quarantine(files, paths, null, findings);
  const other = await scene();
  const sealed = await quarantine(other.files, paths, keyring, other.findings);
  expect(other.files.content(sealed!).includes("damaged line")).toBe(false);
  expect(sealed).not.toBe(plain);
});

it("a file that is longer than memory is kept without being held", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  let held = 0;
  const bytes = 300 * MEBIBYTE;
  const endless = {
    read: (target: Uint8Array, position: number) => {
      const length = Math.max(0, Math.min(target.length, bytes - position));
      target.fill(0x41, 0, length);
      if (position % (8 * MEBIBYTE) === 0) {
        collect();
        held = Math.max(held, process.memoryUsage().arrayBuffers);
      }
      return Promise.resolve(length);
    },
  } as unknown as OpenFile;
  let written = 0;
  const target = {
    write: (chunk: Uint8Array) => Promise.resolve(void (written += chunk.length)),
    sync: () => Promise.resolve(),
    close: () => Promise.resolve(),
  } as unknown as OpenFile;
  const files = new MemoryFiles();
  const open = files.open.bind(files);
  vi.spyOn(files, "open").mockImplementation((path, mode) =>
    mode === "create" ? Promise.resolve(target) : open(path, mode),
  );
  vi.spyOn(files, "rename").mockResolvedValue();
  collect();
  const before = process.memoryUsage().arrayBuffers;
  await quarantine(files, paths, null, findingsIn(endless, [{ start: 0, end: bytes }]));
  expect(written).toBe(bytes + 1);
  expect(held - before).toBeLessThan(100 * MEBIBYTE);
});
