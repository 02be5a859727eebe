/**
 * Owns what keys promise: a wrong or missing one changes nothing and says so; of several the first
 * seals and all open; what a key is given for leaves no plaintext behind.
 */
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { StoreError } from "../../src/protocol/errors.js";
import { Key } from "../../src/worker/disk/keys/cipher.js";
import { deleteRecord, insertRecord } from "../../src/worker/disk/journal/record.js";
import { bytesIn, filesWith } from "../support/directory.js";
import { openWorld, rememberKeys, servedBy, withEngine } from "../support/engine-world.js";
import { deriveKey, openEnvelope, readDocuments, readFiles } from "../support/lite-nosql-reader.js";
import { ManualClock } from "../support/manual-clock.js";
import { tempDirectory } from "../support/temp-dir.js";
import { type FileOperation, on, WatchedFiles } from "../support/watched-files.js";

const OLD = "the old key of the test";
const NEW = "the new key of the test";
const WRONG = "a key of somebody else";
const SALT_TEXT = "5a".repeat(32);
const EXPIRES_AT = Date.UTC(2040, 0, 1);
const SECRETS = ["sid-of-alice", "sid-of-bob", "sid-of-carol", "alice-secret", "bob-secret"];

beforeAll(rememberKeys);

function keys(...encryptionKeys: string[]) {
  return { config: { encryptionKeys } };
}

function session(secret: string): string {
  return JSON.stringify({ cookie: { path: "/" }, secret });
}

/** A directory with the salt of all tests here, so that each key is derived once. */
function saltedDirectory(): string {
  const directory = tempDirectory();
  writeFileSync(join(directory, ".db.salt"), SALT_TEXT);
  return directory;
}

/** A collection with a session in its snapshot and one in its journal. */
async function collection(directory: string, ...encryptionKeys: string[]): Promise<void> {
  await withEngine(directory, keys(...encryptionKeys), async (engine) => {
    await engine.write([["sid-of-alice", session("alice-secret"), EXPIRES_AT]]);
    await engine.compact();
    await engine.write([["sid-of-bob", session("bob-secret"), EXPIRES_AT]]);
  });
}

const BOTH = ["sid-of-alice", "sid-of-bob"];

async function idsIn(directory: string, ...encryptionKeys: string[]): Promise<string[]> {
  return withEngine(directory, keys(...encryptionKeys), async (engine) =>
    [...(await servedBy(engine)).keys()].sort(),
  );
}

/** Opens, which must be refused with this code and change nothing. */
async function expectRefusal(
  directory: string,
  code: string,
  ...encryptionKeys: string[]
): Promise<void> {
  const before = bytesIn(directory);
  await expect(openWorld(directory, keys(...encryptionKeys))).rejects.toMatchObject({ code });
  expect(bytesIn(directory)).toEqual(before);
}

describe("a wrong key", () => {
  it.each([
    ["a snapshot and a journal", async (directory: string) => collection(directory, OLD)],
    [
      "a snapshot alone",
      async (directory: string) => {
        await collection(directory, OLD);
        await withEngine(directory, keys(OLD), (engine) => engine.compact());
      },
    ],
    [
      "a journal alone",
      async (directory: string) => {
        await collection(directory, OLD);
        rmSync(join(directory, "sessions.snapshot.json"));
      },
    ],
    [
      "a journal that a crash cut short",
      async (directory: string) => {
        await collection(directory, OLD);
        appendFileSync(join(directory, "sessions.wal.log"), "00112233445566778899aabb");
      },
    ],
    [
      "a single record whose line has no end",
      async (directory: string) => {
        await collection(directory, OLD);
        rmSync(join(directory, "sessions.snapshot.json"));
        const journal = join(directory, "sessions.wal.log");
        writeFileSync(journal, readFileSync(journal).subarray(0, -1));
      },
    ],
    [
      "what a crashed compaction left behind",
      async (directory: string) => {
        await collection(directory, OLD);
        writeFileSync(join(directory, "sessions.snapshot.json.tmp"), "half a snapsh");
        writeFileSync(join(directory, "sessions.wal.log.tmp"), "half a jour");
      },
    ],
  ])("changes no byte of %s", async (_, make) => {
    const directory = saltedDirectory();
    await make(directory);
    await expectRefusal(directory, "STORE_KEY_MISMATCH", WRONG);
    await expectRefusal(directory, "STORE_KEY_MISMATCH", WRONG, NEW);
    expect(await idsIn(directory, OLD)).not.toEqual([]);
  });

  it("is told from a missing one, which is refused as well", async () => {
    const directory = saltedDirectory();
    await collection(directory, OLD);
    await expectRefusal(directory, "STORE_KEY_MISMATCH");
    expect(await idsIn(directory, OLD)).toEqual(BOTH);
  });

  it("does not keep a good one from opening later, when the owner had died", async () => {
    const directory = saltedDirectory();
    await collection(directory, OLD);
    const lock = join(directory, "sessions.lock");
    await expect(openWorld(directory, keys(WRONG))).rejects.toThrow();
    expect(existsSync(lock)).toBe(false);
    expect(await idsIn(directory, OLD)).toEqual(BOTH);
  });

  it("says which option it is about", async () => {
    const directory = saltedDirectory();
    await collection(directory, OLD);
    await expect(openWorld(directory)).rejects.toThrow("encryptionKey");
    await expect(openWorld(directory, keys(WRONG))).rejects.toThrow("encryptionKey");
  });
});

describe("the salt", () => {
  it.each([
    ["missing", null],
    ["empty", ""],
    ["not hex", "zz".repeat(32)],
    ["short of a digit", SALT_TEXT.slice(1)],
    ["short of two digits", SALT_TEXT.slice(2)],
    ["another", "a5".repeat(32)],
  ])("%s, of an encrypted collection, is refused", async (_, text) => {
    const directory = saltedDirectory();
    await collection(directory, OLD);
    const path = join(directory, ".db.salt");
    if (text === null) rmSync(path);
    else writeFileSync(path, text);
    await expectRefusal(directory, "STORE_KEY_MISMATCH", OLD);
    writeFileSync(path, SALT_TEXT);
    expect(await idsIn(directory, OLD)).toEqual(BOTH);
  });

  it.each([
    ["empty", ""],
    ["not hex", "zz".repeat(32)],
  ])("%s, of a collection with nothing encrypted, never ends in plaintext", async (_, text) => {
    const directory = tempDirectory();
    writeFileSync(join(directory, ".db.salt"), text);
    const clock = new ManualClock();
    const opening = openWorld(directory, { ...keys(OLD), clock });
    const opened = await clock.advanceUntil(opening).catch((error: unknown) => error);
    if (opened instanceof Error) {
      expect(["STORE_KEY_MISMATCH", "STORE_CORRUPT"]).toContain((opened as StoreError).code);
      return;
    }
    const engine = opened as Awaited<ReturnType<typeof openWorld>>;
    await engine.write([["sid-of-alice", session("alice-secret"), EXPIRES_AT]]);
    await engine.close();
    expect(filesWith(directory, SECRETS)).toEqual([]);
  });

  it.each(["", SALT_TEXT.slice(0, 20)])("begun as '%s' by another is waited for", async (begun) => {
    const directory = tempDirectory();
    const path = join(directory, ".db.salt");
    writeFileSync(path, begun);
    // Derived now: the clock that is turned below does not wait for it.
    await Key.derive(OLD, Buffer.from(SALT_TEXT, "hex"));
    const disk = new WatchedFiles();
    const clock = new ManualClock();
    let looks = 0;
    disk.onOperation = (operation) => {
      if (on("open", ".db.salt")(operation) && ++looks === 5) writeFileSync(path, SALT_TEXT);
    };
    const opening = openWorld(directory, { ...keys(OLD), files: disk.files, clock });
    const engine = await clock.advanceUntil(opening);
    await engine.write([["sid-of-alice", session("alice-secret"), EXPIRES_AT]]);
    await engine.close();
    expect(readFileSync(path, "latin1")).toBe(SALT_TEXT);
    expect(await idsIn(directory, OLD)).toEqual(["sid-of-alice"]);
  });

  it("is on the disk before anything is sealed, whoever made it", async () => {
    const directory = saltedDirectory();
    const disk = new WatchedFiles();
    const operations: FileOperation[] = [];
    disk.onOperation = (operation) => operations.push(operation);
    await withEngine(directory, { ...keys(OLD), files: disk.files }, async (engine) => {
      await engine.write([["sid-of-alice", session("alice-secret"), EXPIRES_AT]]);
    });
    const synced = operations.findIndex(on("sync", ".db.salt"));
    expect(synced).toBeGreaterThan(-1);
    expect(operations.findIndex(on("write", ".wal.log"))).toBeGreaterThan(synced);
  });

  it("may end in a line break", async () => {
    const directory = saltedDirectory();
    await collection(directory, OLD);
    writeFileSync(join(directory, ".db.salt"), `${SALT_TEXT}\r\n`);
    expect(await idsIn(directory, OLD)).toEqual(BOTH);
  });
});

describe("a list of keys", () => {
  it("opens what any of them sealed, and seals with the first", async () => {
    const directory = saltedDirectory();
    await collection(directory, OLD);
    await withEngine(directory, keys(NEW, WRONG, OLD), async (engine) => {
      expect([...(await servedBy(engine)).keys()].sort()).toEqual(BOTH);
      await engine.write([["sid-of-carol", session("carol-secret"), EXPIRES_AT]]);
    });
    // What an older key opened is rewritten in the background, so nothing needs that key any more.
    expect([...readDocuments(readFiles(directory), NEW).keys()].sort()).toEqual([
      ...BOTH,
      "sid-of-carol",
    ]);
    expect(await idsIn(directory, OLD, NEW)).toEqual([...BOTH, "sid-of-carol"]);
  });

  it("leaves nothing under the old key after a compaction", async () => {
    const directory = saltedDirectory();
    await collection(directory, OLD);
    await withEngine(directory, keys(NEW, OLD), (engine) => engine.compact());
    await expectRefusal(directory, "STORE_KEY_MISMATCH", OLD);
    expect([...readDocuments(readFiles(directory), NEW).keys()].sort()).toEqual(BOTH);
    expect(await idsIn(directory, NEW)).toEqual(BOTH);
  });

  it("leaves what was set aside under the old key as it was", async () => {
    const directory = saltedDirectory();
    await collection(directory, OLD);
    const journal = join(directory, "sessions.wal.log");
    writeFileSync(journal, `bob-secret, damaged\n${readFileSync(journal, "latin1")}`, "latin1");
    await withEngine(directory, keys(OLD), (engine) => engine.compact());
    await withEngine(directory, keys(NEW, OLD), (engine) => engine.compact());
    const [name, ...others] = readdirSync(directory).filter((name) => name.includes("quarantine"));
    expect(others).toEqual([]);
    const lines = readFileSync(join(directory, name!), "latin1").split("\n");
    const under = (password: string): string[] =>
      lines.filter((line) => opens(line, deriveKey(password, Buffer.from(SALT_TEXT))));
    expect(under(OLD)).toHaveLength(1);
    expect(under(NEW)).toEqual([]);
    expect(filesWith(directory, SECRETS)).toEqual([]);
  });

  it("that loses the old key too early is refused and loses nothing", async () => {
    const directory = saltedDirectory();
    await collection(directory, OLD);
    await withEngine(directory, keys(NEW, OLD), async (engine) => {
      await engine.write([["sid-of-carol", session("carol-secret"), EXPIRES_AT]]);
    });
    const served = await idsIn(directory, NEW).catch((error: unknown) => error as StoreError);
    if (served instanceof Error) expect(served.code).toBe("STORE_KEY_MISMATCH");
    else expect(served).toEqual([...BOTH, "sid-of-carol"]);
    expect(await idsIn(directory, NEW, OLD)).toEqual([...BOTH, "sid-of-carol"]);
  });

  it.each([2, 3])("given up while %i lines are under the old key loses none", async (lines) => {
    const directory = saltedDirectory();
    const journal = join(directory, "sessions.wal.log");
    const salt = Buffer.from(SALT_TEXT, "hex");
    const [oldKey, newKey] = [await Key.derive(OLD, salt), await Key.derive(NEW, salt)];
    const record = (number: number): string =>
      insertRecord(1, `sid-${number}`, {
        json: session("x"),
        cookie: null,
        expiresAt: EXPIRES_AT,
      });
    const sealed = [
      newKey.seal(deleteRecord(1, "nobody")),
      ...Array.from({ length: lines }, (_, number) => oldKey.seal(record(number))),
      newKey.seal(record(9)),
    ];
    writeFileSync(journal, sealed.map((line) => `${line}\n`).join(""));
    await expectRefusal(directory, "STORE_KEY_MISMATCH", NEW);
    expect(await idsIn(directory, NEW, OLD)).toHaveLength(lines + 1);
  });
});

function opens(line: string, key: Buffer): boolean {
  try {
    openEnvelope(line, key);
    return true;
  } catch {
    return false;
  }
}

describe("encrypting a collection that was not", () => {
  it("leaves no plaintext in the directory", async () => {
    const directory = saltedDirectory();
    await collection(directory);
    expect(filesWith(directory, SECRETS)).not.toEqual([]);
    await withEngine(directory, keys(NEW), async (engine) => {
      // Once it is open, not only once it is closed.
      expect(filesWith(directory, SECRETS)).toEqual([]);
      expect([...(await servedBy(engine)).keys()].sort()).toEqual(BOTH);
    });
    expect(filesWith(directory, SECRETS)).toEqual([]);
    expect(await idsIn(directory, NEW)).toEqual(BOTH);
    await expectRefusal(directory, "STORE_KEY_MISMATCH");
  });

  it("makes the salt where there is none", async () => {
    const directory = tempDirectory();
    await collection(directory);
    expect(await idsIn(directory, NEW)).toEqual(BOTH);
    expect(readFileSync(join(directory, ".db.salt"), "latin1")).toMatch(/^[0-9a-f]{64}$/);
    expect(filesWith(directory, SECRETS)).toEqual([]);
  });

  it("leaves none in the quarantine and in temporaries", async () => {
    const directory = saltedDirectory();
    await collection(directory);
    const path = (name: string): string => join(directory, name);
    // An earlier quarantine, damage in both files, a torn tail, and what crashes leave behind.
    writeFileSync(path("sessions.quarantine.log"), "alice-secret, damaged long ago\n");
    writeFileSync(path("sessions.quarantine.log.tmp"), "alice-secret, half sealed");
    writeFileSync(path("sessions.snapshot.json.tmp"), "alice-secret, half a snapshot");
    writeFileSync(path("sessions.wal.log.tmp"), "bob-secret, half a journal");
    const damaged = (name: string, content: string): void =>
      writeFileSync(path(name), content, "latin1");
    const { snapshot, journal } = readFiles(directory);
    damaged("sessions.snapshot.json", snapshot!.toString("latin1").replace("{", '{ "alice-secret'));
    damaged("sessions.wal.log", `bob-secret\n${journal!.toString("latin1")}{"op":"bob-secret`);
    await withEngine(directory, keys(NEW), async (engine) => {
      expect(filesWith(directory, SECRETS)).toEqual([]);
      await engine.compact();
    });
    expect(filesWith(directory, SECRETS)).toEqual([]);
  });

  it("keeps plaintext out of everything that is written later", async () => {
    const directory = saltedDirectory();
    await withEngine(directory, keys(NEW), async (engine) => {
      await engine.write([["sid-of-alice", session("alice-secret"), EXPIRES_AT]]);
      await engine.touch([["sid-of-alice", '{"path":"/alice-secret"}', EXPIRES_AT]]);
      await engine.write([["sid-of-bob", session("bob-secret"), EXPIRES_AT]]);
      expect(filesWith(directory, SECRETS)).toEqual([]);
      await engine.compact();
      await engine.write([["sid-of-bob"]]);
    });
    expect(filesWith(directory, SECRETS)).toEqual([]);
  });
});

describe("damage to an encrypted collection", () => {
  it.each([0, 31])("of digit %i of one iv is no wrong key", async (digit) => {
    const directory = saltedDirectory();
    await collection(directory, OLD);
    await withEngine(directory, keys(OLD), async (engine) => {
      await engine.write([["sid-of-carol", session("carol-secret"), EXPIRES_AT]]);
    });
    const journal = join(directory, "sessions.wal.log");
    const bytes = readFileSync(journal);
    bytes[digit] = bytes[digit] === 0x30 ? 0x31 : 0x30;
    writeFileSync(journal, bytes);
    expect(await idsIn(directory, OLD)).toEqual(expect.arrayContaining(["sid-of-alice"]));
  });

  it("of the only iv in the journal is none either, since the snapshot proves the key", async () => {
    const directory = saltedDirectory();
    await collection(directory, OLD);
    const journal = join(directory, "sessions.wal.log");
    const bytes = readFileSync(journal);
    bytes[0] = bytes[0] === 0x30 ? 0x31 : 0x30;
    writeFileSync(journal, bytes);
    expect(await idsIn(directory, OLD)).toEqual(expect.arrayContaining(["sid-of-alice"]));
  });
});
