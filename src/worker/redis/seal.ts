/**
 * Encryption of what is stored: AES-256-GCM with a key of PBKDF2-SHA256(password, prefix, 100,000
 * rounds). The place of a value, which is the name of its key and field, is authenticated with it, so
 * that no value can be moved to another place. All processes must come to the same keys, whatever the
 * server has lost, so that the salt is the prefix of the keys' names.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  type KeyObject,
  pbkdf2,
} from "node:crypto";
import { promisify } from "node:util";

import { drawsOf } from "../ports/nonce.js";

const ALGORITHM = "aes-256-gcm";
const ROUNDS = 100_000;
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** What a sealed value begins with. */
const VERSION = "1:";

interface Secret {
  readonly values: KeyObject;
  readonly users: KeyObject;
}

export class Seals {
  /** The first one encrypts, all decrypt. */
  readonly #secrets: readonly [Secret, ...Secret[]];

  private constructor(secrets: readonly [Secret, ...Secret[]]) {
    this.#secrets = secrets;
  }

  /** Null without passwords. */
  static async of(passwords: readonly string[], prefix: string): Promise<Seals | null> {
    const [first, ...others] = await Promise.all(
      passwords.map((password) => derive(password, prefix)),
    );
    return first === undefined ? null : new Seals([first, ...others]);
  }

  seal(text: string, place: string): string {
    const iv = nextIv();
    const cipher = createCipheriv(ALGORITHM, this.#secrets[0].values, iv);
    cipher.setAAD(Buffer.from(place));
    const data = [cipher.update(text, "utf8"), cipher.final()];
    return VERSION + Buffer.concat([iv, cipher.getAuthTag(), ...data]).toString("base64");
  }

  /** Null if it was not sealed with one of the keys for this place. */
  open(sealed: string, place: string): string | null {
    if (!sealed.startsWith(VERSION)) return null;
    const bytes = Buffer.from(sealed.slice(VERSION.length), "base64");
    if (bytes.length < IV_BYTES + TAG_BYTES) return null;
    for (const { values } of this.#secrets) {
      const text = decrypt(values, bytes, place);
      if (text !== null) return text;
    }
    return null;
  }

  /** The name of a session. */
  digest(sid: string): string {
    // Not all texts have a form in UTF-8.
    return createHash("sha256").update(Buffer.from(sid, "utf16le")).digest("base64url");
  }

  /** The names of a user, the first of which is that of the key that encrypts. */
  users(user: string): [string, ...string[]] {
    const [first, ...others] = this.#secrets;
    const bytes = Buffer.from(user, "utf16le");
    const name = ({ users }: Secret): string =>
      createHmac("sha256", users).update(bytes).digest("base64url");
    return [name(first), ...others.map(name)];
  }
}

const nextIv = drawsOf(IV_BYTES);

async function derive(password: string, prefix: string): Promise<Secret> {
  const salt = `express-session-isolate ${prefix}`;
  const root = await promisify(pbkdf2)(password, salt, ROUNDS, KEY_BYTES, "sha256");
  const part = (name: string): KeyObject =>
    createSecretKey(createHmac("sha256", root).update(name).digest());
  return { values: part("values"), users: part("users") };
}

function decrypt(key: KeyObject, bytes: Buffer, place: string): string | null {
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, IV_BYTES));
  decipher.setAAD(Buffer.from(place));
  decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  try {
    const data = decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES));
    return Buffer.concat([data, decipher.final()]).toString("utf8");
  } catch {
    return null;
  }
}
