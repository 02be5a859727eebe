/**
 * The envelope of a snapshot, opened as a stream: it may be longer than memory, or any string, should
 * be.
 */
import { DATA_OFFSET, isEnvelope, type Key, parseEnvelopeHead } from "../keys/cipher.js";
import type { OpenFile } from "../../ports/files.js";
import type { ByteSource } from "../lines/line-scanner.js";

/** The bytes of an envelope's content. Not authenticated: see {@link authenticate}. */
export function sealedSource(file: OpenFile, bytes: number, key: Key, decode: Decode): ByteSource {
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
 * Whether the tag of an envelope is right, and whether there is nothing else in it, without keeping
 * its content.
 */
export async function authenticate(
  file: OpenFile,
  bytes: number,
  key: Key,
): Promise<{ whole: boolean; exact: boolean }> {
  let whole = false;
  let exact = true;
  const decode: Decode = (text) => {
    const data = skipOthers(text);
    if (data.toString("base64") !== text) exact = false;
    return data;
  };
  const contents = decrypt(file, bytes, key, decode, (authentic) => (whole = authentic));
  while ((await contents.next()).done !== true);
  return { whole, exact };
}

/** Base64 to bytes. */
type Decode = (text: string) => Buffer;

/** Without what is no base64: right where it was put there, and then the tag says so. */
export const skipOthers: Decode = (text) => Buffer.from(text, "base64");

const BASE64_CHUNK_BYTES = 1024 * 1024;

async function* decrypt(
  file: OpenFile,
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
    // Four characters are three bytes; only the end of the file may have fewer.
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
