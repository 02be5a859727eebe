/**
 * A stream of bytes cut into lines. JSON text and base64 have no raw `\n` inside, so a line is a
 * unit that damage elsewhere cannot reach. Memory stays at two chunks, or one line where that is
 * longer.
 */
import type { OpenFile } from "../../ports/files.js";
import { NEWLINE } from "./ascii.js";

const CHUNK_BYTES = 1024 * 1024;
/** No line of ours is longer: V8 has no longer string (2^29 - 24 characters). */
const MAX_LINE_BYTES = 2 ** 29 - 24;

/** Fills as much of `target` as it can with the next bytes of the stream; 0 at its end. */
export type ByteSource = (target: Uint8Array) => Promise<number>;

/** The bytes of a file from its beginning; none where there is no file. */
export function fileSource(file: OpenFile | null): ByteSource {
  let position = 0;
  return async (target) => {
    const read = (await file?.read(target, position)) ?? 0;
    position += read;
    return read;
  };
}

/** All bytes of a stream; null where they are more than a string, and so lite-nosql, could hold. */
export async function readAll(source: ByteSource): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const read = await source(chunk);
    if (read === 0) return Buffer.concat(chunks);
    bytes += read;
    if (bytes > MAX_LINE_BYTES) return null;
    chunks.push(chunk.subarray(0, read));
  }
}

export interface Line {
  /** Without its `\n`; valid until the callback returns. Null where it is too long to be one. */
  readonly bytes: Buffer | null;
  /** Where it starts in the stream. */
  readonly start: number;
  /** Where it ends in the stream, without its `\n`. */
  readonly end: number;
  /** False for what follows the last `\n`. */
  readonly terminated: boolean;
}

/** Calls back for each line of a stream, in order. */
export async function scanLines(source: ByteSource, onLine: (line: Line) => void): Promise<void> {
  let chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let spare = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  const line = new LineParts(onLine);
  let length = await source(chunk);
  while (length > 0) {
    // The next chunk is read while this one is looked at.
    const next = source(spare);
    try {
      line.addChunk(chunk.subarray(0, length));
    } finally {
      length = await next;
    }
    [chunk, spare] = [spare, chunk];
  }
  line.end();
}

/** Lines out of chunks; a line that spans several is put together. */
class LineParts {
  readonly #onLine: (line: Line) => void;
  #parts: Buffer[] = [];
  #partsBytes = 0;
  /** Where the line that has begun starts in the stream, and where the stream has come to. */
  #start = 0;
  #position = 0;

  constructor(onLine: (line: Line) => void) {
    this.#onLine = onLine;
  }

  addChunk(chunk: Buffer): void {
    let at = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, at)) {
      this.#emit(chunk.subarray(at, end), true);
      at = end + 1;
    }
    const rest = chunk.subarray(at);
    this.#position += rest.length;
    this.#partsBytes += rest.length;
    if (this.#partsBytes > MAX_LINE_BYTES) this.#parts = [];
    // The chunk will be filled anew.
    else if (rest.length > 0) this.#parts.push(Buffer.from(rest));
  }

  end(): void {
    if (this.#partsBytes > 0) this.#emit(Buffer.alloc(0), false);
  }

  #emit(tail: Buffer, terminated: boolean): void {
    const start = this.#start;
    const end = this.#position + tail.length;
    let bytes: Buffer | null = tail;
    if (this.#partsBytes > 0) {
      const tooLong = this.#partsBytes + tail.length > MAX_LINE_BYTES;
      bytes = tooLong ? null : Buffer.concat([...this.#parts, tail]);
      this.#parts = [];
      this.#partsBytes = 0;
    }
    this.#start = terminated ? end + 1 : end;
    this.#position = this.#start;
    this.#onLine({ bytes, start, end, terminated });
  }
}
