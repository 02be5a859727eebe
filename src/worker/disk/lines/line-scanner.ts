/**
 * Splits a stream of bytes into lines. JSON text and base64 contain no raw `\n`, so damage to one
 * line does not affect the others. Holds two chunks in memory, and a line that is longer.
 */
import type { ReadableFile } from "../../ports/files.js";
import { NEWLINE } from "./ascii.js";

const CHUNK_BYTES = 1024 * 1024;
/** We write no longer line: this is the maximum length of a string in V8. */
const MAX_LINE_BYTES = 2 ** 29 - 24;

/** The chunks of a stream. Each stays what it is while the next one is read. */
export type ByteSource = AsyncGenerator<Buffer, unknown, undefined>;

/** The bytes of a file between two offsets, or up to its end; an empty stream without a file. */
export async function* fileSource(
  file: ReadableFile | null,
  start = 0,
  end = Infinity,
): AsyncGenerator<Buffer, void, undefined> {
  if (file === null) return;
  const size = Math.min(CHUNK_BYTES, end - start);
  let chunk = Buffer.allocUnsafeSlow(size);
  let spare = Buffer.allocUnsafeSlow(size);
  for (let at = start; at < end;) {
    const read = await file.read(chunk.subarray(0, Math.min(size, end - at)), at);
    if (read === 0) return;
    yield chunk.subarray(0, read);
    at += read;
    [chunk, spare] = [spare, chunk];
  }
}

/** All bytes of a stream; null if they exceed a string, and thus what lite-nosql can read. */
export async function readAll(source: ByteSource): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > MAX_LINE_BYTES) return null;
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}

export interface Line {
  /** Without its `\n`; valid until the callback returns. Null if the line is too long. */
  readonly bytes: Buffer | null;
  /** Offset of its start in the stream. */
  readonly start: number;
  /** Offset of its end in the stream, without its `\n`. */
  readonly end: number;
  /** False for the bytes after the last `\n`. */
  readonly terminated: boolean;
}

/** Calls back for each line of a stream, in order. */
export async function scanLines(source: ByteSource, onLine: (line: Line) => void): Promise<void> {
  const line = new LineParts(onLine);
  let chunk = await source.next();
  while (chunk.done !== true) {
    // The next chunk is read while this one is scanned.
    const next = source.next();
    try {
      line.addChunk(chunk.value);
    } finally {
      chunk = await next;
    }
  }
  line.end();
}

/** Extracts lines from chunks, joining a line that spans several. */
class LineParts {
  readonly #onLine: (line: Line) => void;
  #parts: Buffer[] = [];
  #partsBytes = 0;
  /** Offset in the stream of the start of the current line. */
  #start = 0;

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
    this.#partsBytes += rest.length;
    if (this.#partsBytes > MAX_LINE_BYTES) this.#parts = [];
    // A copy, because the chunk will be reused.
    else if (rest.length > 0) this.#parts.push(Buffer.from(rest));
  }

  end(): void {
    if (this.#partsBytes > 0) this.#emit(Buffer.alloc(0), false);
  }

  #emit(tail: Buffer, terminated: boolean): void {
    const start = this.#start;
    const length = this.#partsBytes + tail.length;
    const end = start + length;
    let bytes: Buffer | null = tail;
    if (this.#partsBytes > 0) {
      bytes = length > MAX_LINE_BYTES ? null : Buffer.concat([...this.#parts, tail]);
      this.#parts = [];
      this.#partsBytes = 0;
    }
    this.#start = terminated ? end + 1 : end;
    this.#onLine({ bytes, start, end, terminated });
  }
}
