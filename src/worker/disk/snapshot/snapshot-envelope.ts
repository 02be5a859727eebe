/** Decrypts the envelope of a snapshot as a stream, since it may be longer than any string. */
import type { ReadableFile } from "../../ports/files.js";
import { DATA_OFFSET, isEnvelope, type Key, parseEnvelopeHead } from "../keys/cipher.js";
import type { ByteSource } from "../lines/line-scanner.js";

/** The content of an envelope, not authenticated: see {@link authenticate}. */
export function sealedSource(
  file: ReadableFile,
  bytes: number,
  key: Key,
  decode: Decode,
): ByteSource {
  const contents = decrypt(file, bytes, key, decode, () => true);
  let rest: Buffer = Buffer.alloc(0);
  return async (target) => {
    while (rest.length === 0) {
      const next = await contents.next();
      if (next.done === true) return 0;
      rest = next.value;
    }
    const taken = rest.copy(target);
    rest = rest.subarray(taken);
    return taken;
  };
}

/**
 * Whether the tag of an envelope is right, and whether there is nothing in it but its content. Keeps
 * nothing of that.
 */
export async function authenticate(
  file: ReadableFile,
  bytes: number,
  key: Key,
): Promise<{ whole: boolean; exact: boolean }> {
  let whole = false;
  let length = 0;
  const contents = decrypt(file, bytes, key, skipOthers, (authentic) => (whole = authentic));
  for await (const content of contents) length += content.length;
  return { whole, exact: bytes === DATA_OFFSET + Math.ceil(length / 3) * 4 };
}

/** Base64 to bytes. */
type Decode = (text: string) => Buffer;

/** Skips invalid characters, in case they were inserted; the tag shows whether that is right. */
export const skipOthers: Decode = (text) => Buffer.from(text, "base64");

const BASE64_CHUNK_BYTES = 1024 * 1024;

async function* decrypt(
  file: ReadableFile,
  bytes: number,
  key: Key,
  decode: Decode,
  onEnd: (authentic: boolean) => void,
): AsyncGenerator<Buffer, void, undefined> {
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
    onEnd(isEnvelope(head));
  } catch {
    onEnd(false);
  }
}
