/** The keys of a collection, one for each password of the options. The first seals, all open. */
import { Key } from "./cipher.js";

/** One damaged character of base64 changes two bytes. */
const DAMAGED_PREFIX_BYTES = 2;

export class Keyring {
  /** The key that seals. */
  readonly first: Key;
  /** All keys, the first included. */
  readonly keys: readonly Key[];
  #olderUsed = false;

  private constructor(first: Key, others: readonly Key[]) {
    this.first = first;
    this.keys = [first, ...others];
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
    for (const key of this.keys) {
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

  /** The key under which the content of an envelope, damaged or not, begins with `prefix`. */
  keyFor(envelope: Buffer, prefix: string): Key | null {
    const wanted = Buffer.from(prefix);
    for (const key of this.keys) {
      const found = key.peek(envelope, wanted.length);
      const differing = wanted.filter((byte, at) => byte !== found[at]).length;
      if (differing > DAMAGED_PREFIX_BYTES) continue;
      if (key !== this.first) this.#olderUsed = true;
      return key;
    }
    return null;
  }
}
