/**
 * The envelope of lite-nosql, `<iv, hex>:<tag, hex>:<ciphertext, base64>`: AES-256-GCM without
 * associated data, with an iv and a tag of 16 bytes each and a key of PBKDF2-SHA256(password, salt,
 * 100,000 rounds). Each line of an encrypted journal is one envelope; an encrypted snapshot is one.
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
  timingSafeEqual,
} from "node:crypto";
import { promisify } from "node:util";

import { drawsOf } from "../../ports/nonce.js";
import { COLON, isHexDigit } from "../lines/ascii.js";

const ALGORITHM = "aes-256-gcm";
const KEY_BYTES = 32;
const ROUNDS = 100_000;
const IV_BYTES = 16;
const TAG_BYTES = 16;
const SALT_BYTES = 32;

/** Offsets of the tag and the ciphertext in an envelope. */
export const TAG_OFFSET = IV_BYTES * 2 + 1;
export const DATA_OFFSET = TAG_OFFSET + TAG_BYTES * 2 + 1;

/** A new salt, as the text of its file. */
export function createSalt(): string {
  return randomBytes(SALT_BYTES).toString("hex");
}

/** The salt in the text of its file; null if it is invalid. */
export function parseSalt(text: string): Buffer | null {
  const hex = text.trim();
  const salt = Buffer.from(hex, "hex");
  return hex.length === SALT_BYTES * 2 && salt.length === SALT_BYTES ? salt : null;
}

/** Whether these bytes begin with the head of an envelope. */
export function isEnvelope(bytes: Uint8Array): boolean {
  if (bytes.length < DATA_OFFSET || bytes[TAG_OFFSET - 1] !== COLON) return false;
  if (bytes[DATA_OFFSET - 1] !== COLON) return false;
  for (let at = 0; at < DATA_OFFSET - 1; at++) {
    if (at !== TAG_OFFSET - 1 && !isHexDigit(bytes[at] ?? 0)) return false;
  }
  return true;
}

export function parseEnvelopeHead(bytes: Buffer): { iv: Buffer; tag: Buffer } {
  return {
    iv: Buffer.from(bytes.toString("latin1", 0, TAG_OFFSET - 1), "hex"),
    tag: Buffer.from(bytes.toString("latin1", TAG_OFFSET, DATA_OFFSET - 1), "hex"),
  };
}

/**
 * Whether these bytes begin with the iv of an envelope. Even if the tag or a colon is damaged, the
 * rest can be decrypted, though not authenticated.
 */
export function isDamagedEnvelope(bytes: Uint8Array): boolean {
  return bytes.length >= DATA_OFFSET && bytes.subarray(0, TAG_OFFSET - 1).every(isHexDigit);
}

/** Decodes damaged base64: a damaged character changes only the bytes that it encodes. */
export function decodeBase64(text: string): Buffer {
  const data = Buffer.from(text, "base64");
  // Node skips invalid characters and stops at `=`, which would shift or cut the rest.
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const chars = text.length - padding;
  // A single last character decodes to no byte, so a skipped one would go unnoticed.
  if (chars % 4 !== 1 && data.length === Math.floor((chars * 3) / 4)) return data;
  return Buffer.from(text.replace(/[^A-Za-z0-9+/]/g, "A"), "base64");
}

/** One key, derived from one password. */
export class Key {
  // Creating a cipher from a key object takes less than half the time that raw bytes take.
  readonly #key: KeyObject;
  readonly #macKey: KeyObject;

  private constructor(key: Buffer) {
    this.#key = createSecretKey(key);
    const macKey = createHmac("sha256", key).update("snapshot element").digest();
    this.#macKey = createSecretKey(macKey);
  }

  /** Derives the key on the thread pool, in about 20 ms. */
  static async derive(password: string, salt: Buffer): Promise<Key> {
    return new Key(await promisify(pbkdf2)(password, salt, ROUNDS, KEY_BYTES, "sha256"));
  }

  /** A digest that only this key can produce. */
  digest(): Hmac {
    return createHmac("sha256", this.#macKey);
  }

  /** Encrypts content into an envelope. */
  seal(content: string | Uint8Array): string {
    const iv = nextIv();
    const cipher = createCipheriv(ALGORITHM, this.#key, iv, { authTagLength: TAG_BYTES });
    const data =
      (typeof content === "string"
        ? cipher.update(content, "utf8", "base64")
        : cipher.update(content, undefined, "base64")) + cipher.final("base64");
    return `${iv.toString("hex")}:${cipher.getAuthTag().toString("hex")}:${data}`;
  }

  /** The content of an envelope; null if this is not its key or the envelope was changed. */
  open(envelope: Buffer): Buffer | null {
    const { iv, tag } = parseEnvelopeHead(envelope);
    const decipher = this.decipher(iv);
    decipher.setAuthTag(tag);
    const base64 = envelope.toString("latin1", DATA_OFFSET);
    const data = Buffer.from(base64, "base64");
    // Node skips invalid characters and ignores whatever follows padding.
    if (data.toString("base64") !== base64) return null;
    const content = decipher.update(data);
    try {
      decipher.final();
    } catch {
      return null;
    }
    return content;
  }

  /** The first bytes of the content, unauthenticated: use them only to recognize the key. */
  peek(envelope: Buffer, length: number): Buffer {
    const { iv } = parseEnvelopeHead(envelope);
    const chars = Math.ceil(length / 3) * 4;
    const data = decodeBase64(envelope.toString("latin1", DATA_OFFSET, DATA_OFFSET + chars));
    return this.decipher(iv).update(data).subarray(0, length);
  }

  /** For the envelope of a snapshot, which is written and read as a stream. */
  cipher(iv: Buffer): CipherGCM {
    return createCipheriv(ALGORITHM, this.#key, iv, { authTagLength: TAG_BYTES });
  }

  decipher(iv: Buffer): DecipherGCM {
    return createDecipheriv(ALGORITHM, this.#key, iv, { authTagLength: TAG_BYTES });
  }

  /**
   * Authenticates one element of a snapshot, so that the intact ones of a damaged snapshot can be
   * recognized. Returns 16 hex digits.
   */
  mac(element: Uint8Array): string {
    return createHmac("sha256", this.#macKey).update(element).digest("hex").slice(0, 16);
  }

  verifyMac(element: Uint8Array, mac: string): boolean {
    return mac.length === 16 && timingSafeEqual(Buffer.from(this.mac(element)), Buffer.from(mac));
  }
}

/** A digest without a key. */
export function plainDigest(): Hash {
  return createHash("sha256");
}

/** A random iv. */
export const nextIv = drawsOf(IV_BYTES);
