/**
 * Owns a small collection under keys: how tests make it, open it, and see that a key that does not
 * fit is refused and changes nothing.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { bytesIn } from "./directory.js";
import { openWorld, servedBy, withEngine } from "./engine-world.js";
import { tempDirectory } from "./temp-dir.js";

export const OLD = "the old key of the test";
export const NEW = "the new key of the test";
export const WRONG = "a key of somebody else";
export const SALT_TEXT = "5a".repeat(32);
export const EXPIRES_AT = Date.UTC(2040, 0, 1);
export const SECRETS = ["sid-of-alice", "sid-of-bob", "sid-of-carol", "alice-secret", "bob-secret"];
export const BOTH = ["sid-of-alice", "sid-of-bob"];

export function keys(...encryptionKeys: string[]) {
  return { config: { encryptionKeys } };
}

export function session(secret: string): string {
  return JSON.stringify({ cookie: { path: "/" }, secret });
}

/** A directory with the salt of all these tests, so that each key is derived once. */
export function saltedDirectory(): string {
  const directory = tempDirectory();
  writeFileSync(join(directory, ".db.salt"), SALT_TEXT);
  return directory;
}

/** A collection with a session in its snapshot and one in its journal. */
export async function collection(directory: string, ...encryptionKeys: string[]): Promise<void> {
  await withEngine(directory, keys(...encryptionKeys), async (engine) => {
    await engine.write([["sid-of-alice", session("alice-secret"), EXPIRES_AT]]);
    await engine.compact();
    await engine.write([["sid-of-bob", session("bob-secret"), EXPIRES_AT]]);
  });
}

export async function idsIn(directory: string, ...encryptionKeys: string[]): Promise<string[]> {
  return withEngine(directory, keys(...encryptionKeys), async (engine) =>
    [...(await servedBy(engine)).keys()].sort(),
  );
}

/** Opens, which must be refused with this code and change nothing. */
export async function expectRefusal(
  directory: string,
  code: string,
  ...encryptionKeys: string[]
): Promise<void> {
  const before = bytesIn(directory);
  await expect(openWorld(directory, keys(...encryptionKeys))).rejects.toMatchObject({ code });
  expect(bytesIn(directory)).toEqual(before);
}
