/**
 * A stream of bytes cut into lines. JSON text and base64 have no raw `\n` inside, so a line is a
 * unit that damage elsewhere cannot reach. Memory stays at one chunk, or one line where that is
 * longer.
 */

const CHUNK_BYTES = 1024 * 1024;
/** No line of ours is longer: V8 has no longer string (2^29 - 24 characters). */
const MAX_LINE_BYTES = 2 ** 29 - 24;

/** Fills as much of `target` as it can with the next bytes of the stream; 0 at its end. */
export type ByteSource = (target: Uint8Array) => Promise<number>;

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

/** Calls back for each line of a stream, in order. @returns the length of the stream */
export async function scanLines(source: ByteSource, onLine: (line: Line) => void): Promise<number> {
  let buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  /** Where the line that is being gathered starts, and what is filled, in `buffer`. */
  let lineAt = 0;
  let filled = 0;
  /** Where `buffer` starts in the stream. */
  let base = 0;
  /** Where an over-long line started in the stream, while it is being skipped. */
  let skippedFrom = -1;

  const emit = (end: number, terminated: boolean): void => {
    if (skippedFrom === -1) {
      const bytes = buffer.subarray(lineAt, end);
      onLine({ bytes, start: base + lineAt, end: base + end, terminated });
    } else {
      onLine({ bytes: null, start: skippedFrom, end: base + end, terminated });
      skippedFrom = -1;
    }
  };

  for (;;) {
    if (filled === buffer.length) {
      if (filled - lineAt > MAX_LINE_BYTES) {
        if (skippedFrom === -1) skippedFrom = base + lineAt;
        lineAt = filled;
      }
      const rest = filled - lineAt;
      const larger = rest > buffer.length / 2 ? Buffer.allocUnsafeSlow(buffer.length * 2) : buffer;
      buffer.copy(larger, 0, lineAt, filled);
      buffer = larger;
      base += lineAt;
      lineAt = 0;
      filled = rest;
    }
    const read = await source(buffer.subarray(filled));
    if (read === 0) break;
    let searchFrom = filled;
    filled += read;
    for (;;) {
      const newline = buffer.subarray(0, filled).indexOf(0x0a, searchFrom);
      if (newline === -1) break;
      emit(newline, true);
      lineAt = newline + 1;
      searchFrom = lineAt;
    }
  }
  if (filled > lineAt || skippedFrom !== -1) emit(filled, false);
  return base + filled;
}
