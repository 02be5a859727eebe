/** Writes many small pieces at the end of a new file, as few large ones. */
import type { OpenFile } from "./files.js";

/** Bytes that are gathered before each write. */
const CHUNK_BYTES = 1024 * 1024;

export class GatheredWrites {
  readonly #target: OpenFile;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #position = 0;

  constructor(target: OpenFile) {
    this.#target = target;
  }

  async add(piece: Uint8Array): Promise<void> {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes >= CHUNK_BYTES) await this.flush();
  }

  /** Writes what is still gathered. */
  async flush(): Promise<void> {
    await this.#target.write(Buffer.concat(this.#pieces), this.#position);
    this.#position += this.#bytes;
    this.#pieces = [];
    this.#bytes = 0;
  }
}
