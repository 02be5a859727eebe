/**
 * Owns what keys promise: a wrong or missing one changes nothing and says so; of several the first
 * seals and all open. `keys/` has the tests of the salt and of encrypting what was plain.
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
import { deleteRecord, insertRecord } from "../../src/worker/disk/journal/record.js";
import { Key } from "../../src/worker/disk/keys/cipher.js";
import { filesWith } from "../support/directory.js";
import {
  diskStats,
  openWorld,
  rememberKeys,
  servedBy,
  withEngine,
} from "../support/engine-world.js";
import {
  BOTH,
  collection,
  EXPIRES_AT,
  expectRefusal,
  idsIn,
  keys,
  NEW,
  OLD,
  SALT_TEXT,
  saltedDirectory,
  SECRETS,
  session,
  WRONG,
} from "../support/keyed-collection.js";
import { deriveKey, openEnvelope, readDocuments, readFiles } from "../support/lite-nosql-reader.js";
import { until } from "../support/until.js";

beforeAll(rememberKeys);

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

describe("a list of keys", () => {
  it("opens what any of them sealed, and seals with the first", async () => {
    const directory = saltedDirectory();
    await collection(directory, OLD);
    await withEngine(directory, keys(NEW, WRONG, OLD), async (engine) => {
      expect([...(await servedBy(engine)).keys()].sort()).toEqual(BOTH);
      await engine.write([["sid-of-carol", session("carol-secret"), EXPIRES_AT]]);
      // What an older key opened is rewritten in the background, so nothing needs that key any more.
      await until(async () => (await diskStats(engine)).compaction !== null);
    });
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
