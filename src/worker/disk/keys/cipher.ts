/**
 * lite-nosql's envelope: `<iv, hex>:<tag, hex>:<ciphertext, base64>`, AES-256-GCM without
 * associated data, iv and tag of 16 bytes, under PBKDF2-SHA256(password, salt, 100,000 rounds).
 * One envelope holds a journal line; one holds a whole snapshot.
 */
import {
  type CipherGCM,
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  type DecipherGCM,
  type Hash,
  type Hmac,
  type KeyObject,
  pbkdf2,
  randomBytes,
  randomFillSync,
  timingSafeEqual,
} from "node:crypto";
import { promisify } from "node:util";

import { COLON, isHexDigit } from "../lines/ascii.js";

const ALGORITHM = "aes-256-gcm";
const KEY_BYTES = 32;
const ROUNDS = 100_000;
const IV_BYTES = 16;
const TAG_BYTES = 16;
const SALT_BYTES = 32;

/** Where the tag and the ciphertext start in an envelope. */
export const TAG_OFFSET = IV_BYTES * 2 + 1;
export const DATA_OFFSET = TAG_OFFSET + TAG_BYTES * 2 + 1;

/** The salt of a directory, as the text of its file. */
export function createSalt(): string {
  return randomBytes(SALT_BYTES).toString("hex");
}

/** The bytes of a salt file's text; null where it is not a salt. */
export function parseSalt(text: string): Buffer | null {
  const hex = text.trim();
  const salt = Buffer.from(hex, "hex");
  return hex.length === SALT_BYTES * 2 && salt.length === SALT_BYTES ? salt : null;
}

/** Whether these bytes begin as an envelope does. */
export function isEnvelope(bytes: Uint8Array): boolean {
  if (bytes.length < DATA_OFFSET || bytes[TAG_OFFSET - 1] !== COLON) return false;
  if (bytes[DATA_OFFSET - 1] !== COLON) return false;
  for (let at = 0; at < DATA_OFFSET - 1; at++) {
    if (at !== TAG_OFFSET - 1 && !isHexDigit(bytes[at] ?? 0)) return false;
  }
  return true;
}

/** The iv and the tag at the head of an envelope. */
export interface EnvelopeHead {
  readonly iv: Buffer;
  readonly tag: Buffer;
}

export function parseEnvelopeHead(bytes: Buffer): EnvelopeHead {
  return {
    iv: Buffer.from(bytes.toString("latin1", 0, TAG_OFFSET - 1), "hex"),
    tag: Buffer.from(bytes.toString("latin1", TAG_OFFSET, DATA_OFFSET - 1), "hex"),
  };
}

/**
 * Whether these bytes begin as an envelope of which the tag, the colons or the ciphertext are
 * damaged: enough to decrypt what follows, not to prove it.
 */
export function isDamagedEnvelope(bytes: Uint8Array): boolean {
  return bytes.length >= DATA_OFFSET && bytes.subarray(0, TAG_OFFSET - 1).every(isHexDigit);
}

/**
 * Base64 to bytes, as many as there must be: a damaged character costs only the bytes it stands for.
 */
export function decodeBase64(text: string): Buffer {
  const data = Buffer.from(text, "base64");
  // Other characters are skipped and `=` ends it, which would shift or cut all that follows.
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const chars = text.length - padding;
  // One character alone is no byte, so that without one more would not be missed.
  if (chars % 4 !== 1 && data.length === Math.floor((chars * 3) / 4)) return data;
  return Buffer.from(text.replace(/[^A-Za-z0-9+/]/g, "A"), "base64");
}

/** One key, derived from one password. */
export class Key {
  // As objects, which cost less than half as much to begin a cipher with as their bytes do.
  readonly #key: KeyObject;
  readonly #macKey: KeyObject;

  private constructor(key: Buffer) {
    this.#key = createSecretKey(key);
    const macKey = createHmac("sha256", key).update("snapshot element").digest();
    this.#macKey = createSecretKey(macKey);
  }

  /** Derives the key on the thread pool: about 20 ms of one of its threads. */
  static async derive(password: string, salt: Buffer): Promise<Key> {
    return new Key(await promisify(pbkdf2)(password, salt, ROUNDS, KEY_BYTES, "sha256"));
  }

  /** A digest that only this key makes. */
  digest(): Hmac {
    return createHmac("sha256", this.#macKey);
  }

  /** One envelope, as text. */
  seal(content: string | Uint8Array): string {
    const iv = nextIv();
    const cipher = createCipheriv(ALGORITHM, this.#key, iv, { authTagLength: TAG_BYTES });
    const data =
      (typeof content === "string"
        ? cipher.update(content, "utf8", "base64")
        : cipher.update(content, undefined, "base64")) + cipher.final("base64");
    return `${iv.toString("hex")}:${cipher.getAuthTag().toString("hex")}:${data}`;
  }

  /** The content of an envelope, or null where this is not its key or it was changed. */
  open(envelope: Buffer): Buffer | null {
    const { iv, tag } = parseEnvelopeHead(envelope);
    const decipher = this.decipher(iv);
    decipher.setAuthTag(tag);
    const base64 = envelope.toString("latin1", DATA_OFFSET);
    const data = Buffer.from(base64, "base64");
    // Node skips what is no base64 and stops at padding: what follows would go unnoticed.
    if (data.toString("base64") !== base64) return null;
    const content = decipher.update(data);
    try {
      decipher.final();
    } catch {
      return null;
    }
    return content;
  }

  /**
   * The first bytes of an envelope's content, not authenticated: enough to see whether this is its
   * key, never to be used as content.
   */
  peek(envelope: Buffer, length: number): Buffer {
    const { iv } = parseEnvelopeHead(envelope);
    const chars = Math.ceil(length / 3) * 4;
    const data = decodeBase64(envelope.toString("latin1", DATA_OFFSET, DATA_OFFSET + chars));
    return this.decipher(iv).update(data).subarray(0, length);
  }

  /** For the envelope of a snapshot, which is read and written as a stream. */
  cipher(iv: Buffer): CipherGCM {
    return createCipheriv(ALGORITHM, this.#key, iv, { authTagLength: TAG_BYTES });
  }

  decipher(iv: Buffer): DecipherGCM {
    return createDecipheriv(ALGORITHM, this.#key, iv, { authTagLength: TAG_BYTES });
  }

  /**
   * Authenticates one element of a snapshot by itself, so that the whole ones of a damaged snapshot
   * can be told from the rest. 16 hex digits.
   */
  mac(element: Uint8Array): string {
    return createHmac("sha256", this.#macKey).update(element).digest("hex").slice(0, 16);
  }

  verifyMac(element: Uint8Array, mac: string): boolean {
    return mac.length === 16 && timingSafeEqual(Buffer.from(this.mac(element)), Buffer.from(mac));
  }
}

/** A digest that anyone can make. */
export function plainDigest(): Hash {
  return createHash("sha256");
}

const ivPool = Buffer.alloc(IV_BYTES * 256);
let ivPoolAt = ivPool.length;

/** A random iv. Drawn many at a time: one draw costs as much as the cipher of a small session. */
export function nextIv(): Buffer {
  if (ivPoolAt === ivPool.length) {
    randomFillSync(ivPool);
    ivPoolAt = 0;
  }
  const iv = Buffer.from(ivPool.subarray(ivPoolAt, ivPoolAt + IV_BYTES));
  ivPoolAt += IV_BYTES;
  return iv;
}
