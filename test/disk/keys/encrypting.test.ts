/** Owns that encrypting a collection leaves no plaintext behind, wherever it was. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { filesWith } from "../../support/directory.js";
import { rememberKeys, servedBy, withEngine } from "../../support/engine-world.js";
import {
  BOTH,
  collection,
  EXPIRES_AT,
  expectRefusal,
  idsIn,
  keys,
  NEW,
  saltedDirectory,
  SECRETS,
  session,
} from "../../support/keyed-collection.js";
import { readFiles } from "../../support/lite-nosql-reader.js";
import { tempDirectory } from "../../support/temp-dir.js";

beforeAll(rememberKeys);

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
