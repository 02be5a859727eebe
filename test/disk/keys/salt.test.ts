/**
 * Owns the salt: one that is missing, damaged or another is refused, one that is being made by
 * another is waited for, and none is used before it is on the disk.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { StoreError } from "../../../src/protocol/errors.js";
import { Key } from "../../../src/worker/disk/keys/cipher.js";
import { filesWith } from "../../support/directory.js";
import { openWorld, rememberKeys, withEngine } from "../../support/engine-world.js";
import {
  BOTH,
  collection,
  EXPIRES_AT,
  expectRefusal,
  idsIn,
  keys,
  OLD,
  SALT_TEXT,
  saltedDirectory,
  SECRETS,
  session,
} from "../../support/keyed-collection.js";
import { ManualClock } from "../../support/manual-clock.js";
import { tempDirectory } from "../../support/temp-dir.js";
import { type FileOperation, on, WatchedFiles } from "../../support/watched-files.js";

beforeAll(rememberKeys);

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
