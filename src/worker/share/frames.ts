/**
 * What stands on a connection: frames of a length, a kind and a body. The body is bytes: who reads
 * it decides whether the other end is to be trusted with more than that.
 *
 *     frame := length (u32, big-endian, of what follows) kind (u8) body
 */

export interface Frame {
  readonly kind: number;
  readonly body: Buffer;
}

const LENGTH_BYTES = 4;
/** Of the length and the kind. */
const HEAD_BYTES = LENGTH_BYTES + 1;
export const EMPTY = Buffer.alloc(0);

export function encodeFrame(kind: number, body: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + body.byteLength);
  frame.writeUInt32BE(body.byteLength + 1);
  frame[LENGTH_BYTES] = kind;
  frame.set(body, HEAD_BYTES);
  return frame;
}

/** Puts frames together from the chunks in which they arrive. Allocates only what has arrived. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** How many bytes the next frame takes, once its length has arrived. */
  #wanted = HEAD_BYTES;
  /** The longest frame that is taken, in bytes. */
  limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /**
   * The next whole frame, or null.
   * @throws RangeError for a frame that is empty, or longer than the limit
   */
  next(): Frame | null {
    if (this.#bytes < this.#wanted) return null;
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks, this.#bytes)];
    const [bytes = EMPTY] = this.#chunks;
    const length = bytes.readUInt32BE();
    if (length === 0 || length > this.limit) {
      throw new RangeError(`a frame has ${length} bytes, and may have 1 to ${this.limit}`);
    }
    this.#wanted = LENGTH_BYTES + length;
    if (this.#bytes < this.#wanted) return null;
    const body = bytes.subarray(HEAD_BYTES, this.#wanted);
    const kind = bytes[LENGTH_BYTES] ?? 0;
    const rest = bytes.subarray(this.#wanted);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#bytes = rest.length;
    this.#wanted = HEAD_BYTES;
    return { kind, body };
  }
}
