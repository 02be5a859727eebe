/**
 * The keys of a collection and where they come from: the passwords of the options and the salt of
 * the directory. The first key seals, all open.
 */
import { createSalt, Key, parseSalt, randomName } from "./cipher.js";
import { isErrno } from "./failure.js";
import type { Files } from "./files.js";
import type { CollectionPaths } from "./paths.js";
import { readSmallFile } from "./small-file.js";

export class Keyring {
  /** The key that seals. */
  readonly first: Key;
  readonly #keys: readonly Key[];

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
      if (content !== null) return content;
    }
    return null;
  }

  /** The key under which an envelope's content begins with `prefix`, whether it is whole or not. */
  keyFor(envelope: Buffer, prefix: string): Key | null {
    const wanted = Buffer.from(prefix);
    for (const key of this.#keys) {
      if (key.peek(envelope, wanted.length).equals(wanted)) return key;
    }
    return null;
  }
}

/** The salt of a directory, or null where it has none or one that is damaged. */
export async function readSalt(files: Files, paths: CollectionPaths): Promise<Buffer | null> {
  const text = await readSmallFile(files, paths.salt);
  return text === null ? null : parseSalt(text.toString("latin1"));
}

/**
 * Makes the salt of a directory. Another collection of the directory may do so at the same time, so
 * it is written whole under another name and then linked, which fails where one exists.
 */
export async function makeSalt(files: Files, paths: CollectionPaths): Promise<void> {
  const temporary = `${paths.salt}.${randomName()}.tmp`;
  const file = await files.open(temporary, "create");
  try {
    await file.write(Buffer.from(createSalt()), 0);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await files.link(temporary, paths.salt);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  } finally {
    await files.remove(temporary);
  }
  await files.syncDirectory(paths.directory);
}
