/**
 * The keys of a collection, one per password. The first one encrypts, all decrypt. Whether they are
 * the right ones is for the opening to judge.
 */
import { Key } from "./cipher.js";

/** The number of bytes that one damaged base64 character can change. */
const DAMAGED_PREFIX_BYTES = 2;

export class Keyring {
  /** The key that encrypts. */
  readonly first: Key;
  /** All keys, including the first. */
  readonly keys: readonly Key[];
  /** Without it nobody can derive them. */
  readonly salt: Buffer;
  /** Whether anything was opened with a key other than the first. */
  olderUsed = false;

  private constructor(first: Key, others: readonly Key[], salt: Buffer) {
    this.first = first;
    this.salt = salt;
    this.keys = [first, ...others];
  }

  static async derive(passwords: readonly [string, ...string[]], salt: Buffer): Promise<Keyring> {
    const [first, ...others] = passwords;
    return new Keyring(
      await Key.derive(first, salt),
      await Promise.all(others.map((password) => Key.derive(password, salt))),
      salt,
    );
  }

  /** The content of an envelope; null if no key opens it. */
  open(envelope: Buffer): Buffer | null {
    for (const key of this.keys) {
      const content = key.open(envelope);
      if (content === null) continue;
      if (key !== this.first) this.olderUsed = true;
      return content;
    }
    return null;
  }

  /** The key with which the content of an envelope, even a damaged one, begins with `prefix`. */
  keyFor(envelope: Buffer, prefix: string): Key | null {
    const wanted = Buffer.from(prefix);
    for (const key of this.keys) {
      const found = key.peek(envelope, wanted.length);
      const differing = wanted.filter((byte, at) => byte !== found[at]).length;
      if (differing > DAMAGED_PREFIX_BYTES) continue;
      if (key !== this.first) this.olderUsed = true;
      return key;
    }
    return null;
  }
}
