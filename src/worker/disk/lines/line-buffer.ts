/** Collects lines into one buffer, for one write. Reused, so that it seldom has to grow. */

const INITIAL_BYTES = 64 * 1024;
/** A buffer that grew beyond this is not kept for reuse. */
const KEEP_BYTES = 4 * 1024 * 1024;

export class LineBuffer {
  #bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Adds text and a `\n`. */
  add(line: string): void {
    // A UTF-16 unit takes at most three bytes of UTF-8.
    this.#reserve(line.length * 3 + 1);
    this.#length += this.#bytes.write(line, this.#length);
    this.#bytes[this.#length++] = 0x0a;
  }

  /** The bytes so far. Valid until lines are added after the next {@link clear}. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > KEEP_BYTES) this.#bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
