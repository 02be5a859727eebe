/** Decrypts the envelope of a snapshot as a stream, since it may be longer than any string. */
import type { ReadableFile } from "../../ports/files.js";
import { DATA_OFFSET, isEnvelope, type Key, parseEnvelopeHead } from "../keys/cipher.js";

/**
 * Whether the tag of an envelope is right, and whether there is nothing in it but its content. Keeps
 * nothing of that.
 */
export async function authenticate(
  file: ReadableFile,
  bytes: number,
  key: Key,
): Promise<{ whole: boolean; exact: boolean }> {
  let length = 0;
  const contents = sealedSource(file, bytes, key, skipOthers);
  let next = await contents.next();
  for (; next.done !== true; next = await contents.next()) length += next.value.length;
  return { whole: next.value, exact: bytes === DATA_OFFSET + Math.ceil(length / 3) * 4 };
}

/** Base64 to bytes. */
type Decode = (text: string) => Buffer;

/** Skips invalid characters, in case they were inserted; the tag shows whether that is right. */
export const skipOthers: Decode = (text) => Buffer.from(text, "base64");

const BASE64_CHUNK_BYTES = 1024 * 1024;

/** The content of an envelope, not authenticated before its end. @returns whether the tag is right */
export async function* sealedSource(
  file: ReadableFile,
  bytes: number,
  key: Key,
  decode: Decode,
): AsyncGenerator<Buffer, boolean, undefined> {
  const head = Buffer.alloc(DATA_OFFSET);
  await file.read(head, 0);
  const { iv, tag } = parseEnvelopeHead(head);
  const decipher = key.decipher(iv);
  const chunk = Buffer.allocUnsafeSlow(BASE64_CHUNK_BYTES);
  let filled = 0;
  for (let position = DATA_OFFSET; position < bytes;) {
    const read = await file.read(chunk.subarray(filled), position);
    if (read === 0) break;
    position += read;
    filled += read;
    // Four characters encode three bytes; only the last group may be shorter.
    const usable = position < bytes ? filled - (filled % 4) : filled;
    yield decipher.update(decode(chunk.toString("latin1", 0, usable)));
    chunk.copyWithin(0, usable, filled);
    filled -= usable;
  }
  try {
    decipher.setAuthTag(tag);
    decipher.final();
    return isEnvelope(head);
  } catch {
    return false;
  }
}
