/**
 * The keys of a collection and where they come from: the passwords of the options and the salt of
 * the directory. The first key seals, all open.
 */
import { createSalt, Key, parseSalt, TAG_OFFSET } from "./cipher.js";
import { type Clock, pause } from "../../ports/clock.js";
import { isErrno } from "../../ports/failure.js";
import type { Files } from "../../ports/files.js";
import type { CollectionPaths } from "../paths.js";
import { readSmallFile } from "../../ports/small-file.js";

const HEX_DIGITS = Buffer.from("0123456789abcdef");

/** The beginning of a salt, in a file that another collection is about to write. */
const HALF_SALT = /^[0-9a-f]{0,63}$/;
/** How often, and how long, to look whether it has. */
const LOOK_MS = 250;
const LOOKS = 40;

const READ_ONLY = ["EACCES", "EPERM", "EROFS"];

/** One damaged character of base64 changes two bytes. */
const DAMAGED_PREFIX_BYTES = 2;

export class Keyring {
  /** The key that seals. */
  readonly first: Key;
  readonly #keys: readonly Key[];
  #olderUsed = false;
  #strangeSeen = false;

  private constructor(first: Key, others: readonly Key[]) {
    this.first = first;
    this.#keys = [first, ...others];
  }

  static async derive(passwords: readonly [string, ...string[]], salt: Buffer): Promise<Keyring> {
    const [first, ...others] = passwords;
    return new Keyring(
      await Key.derive(first, salt),
      await Promise.all(others.map((password) => Key.derive(password, salt))),
    );
  }

  /** The content of an envelope, or null where no key opens it. */
  open(envelope: Buffer): Buffer | null {
    for (const key of this.#keys) {
      const content = key.open(envelope);
      if (content === null) continue;
      if (key !== this.first) this.#olderUsed = true;
      return content;
    }
    return null;
  }

  /** Whether anything was opened by a key that is not the first. */
  get olderUsed(): boolean {
    return this.#olderUsed;
  }

  /** The key under which an envelope's content begins with `prefix`, whether it is whole or not. */
  keyFor(envelope: Buffer, prefix: string): Key | null {
    const wanted = Buffer.from(prefix);
    for (const key of this.#keys) {
      const found = key.peek(envelope, wanted.length);
      const differing = wanted.filter((byte, at) => byte !== found[at]).length;
      if (differing > DAMAGED_PREFIX_BYTES) continue;
      if (key !== this.first) this.#olderUsed = true;
      return key;
    }
    return null;
  }

  /** All keys. */
  get keys(): readonly Key[] {
    return this.#keys;
  }

  /**
   * Whether an envelope that no key opens is one of ours in whose iv a digit was damaged. If not, it
   * was sealed under another key; then so were others, and the question is not worth its work again.
   */
  explainsIv(envelope: Buffer, prefix: string): boolean {
    if (this.#strangeSeen) return false;
    const repaired = Buffer.from(envelope);
    for (let at = 0; at < TAG_OFFSET - 1; at++) {
      const byte = repaired[at] ?? 0;
      for (const digit of HEX_DIGITS) {
        repaired[at] = digit;
        if (this.keyFor(repaired, prefix) !== null) return true;
      }
      repaired[at] = byte;
    }
    this.#strangeSeen = true;
    return false;
  }
}

/** The salt of a directory, or null where it has none or one that is damaged. */
export async function readSalt(files: Files, paths: CollectionPaths): Promise<Buffer | null> {
  const text = await readSmallFile(files, paths.salt);
  return text === null ? null : parseSalt(text.toString("latin1"));
}

/**
 * The salt of a directory, once it is whole and on the disk: without hard links another collection
 * may be writing it. Null where there is none or one that is damaged.
 */
export async function settledSalt(
  files: Files,
  paths: CollectionPaths,
  clock: Clock,
): Promise<Buffer | null> {
  let text = await readSmallFile(files, paths.salt);
  for (let looks = 0; looks < LOOKS && text !== null && isHalfSalt(text); looks++) {
    await pause(clock, LOOK_MS);
    text = await readSmallFile(files, paths.salt);
  }
  if (text === null) return null;
  await syncSalt(files, paths);
  return parseSalt(text.toString("latin1"));
}

function isHalfSalt(text: Buffer): boolean {
  return HALF_SALT.test(text.toString("latin1"));
}

/** Whoever made it may not have come to this, or may be at it. */
async function syncSalt(files: Files, paths: CollectionPaths): Promise<void> {
  let file;
  try {
    file = await files.open(paths.salt, "existing");
  } catch (error) {
    // One that we may not write to was not made just now.
    if (READ_ONLY.some((code) => isErrno(error, code))) return;
    throw error;
  }
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Makes the salt of a directory. Another collection of the directory may do so at the same time, so
 * it is written whole under another name and then linked, which fails where one exists.
 */
export async function makeSalt(files: Files, paths: CollectionPaths): Promise<void> {
  // A crash may have left it as a second name of a salt, which must not be emptied.
  await files.remove(paths.saltTemporary);
  try {
    const file = await files.open(paths.saltTemporary, "create");
    try {
      await file.write(Buffer.from(createSalt()), 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await files.link(paths.saltTemporary, paths.salt);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  } finally {
    await files.remove(paths.saltTemporary).catch(() => undefined);
  }
  await files.syncDirectory(paths.directory);
}
