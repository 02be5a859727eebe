/**
 * The journal as a file: appended to, cut back to its last good length when that fails, replaced by
 * a shorter one. Knows no records.
 */
import { ioError } from "./failure.js";
import type { OpenFile } from "./files.js";

export class Journal {
  readonly path: string;
  #file: OpenFile;
  #length: number;
  #known = true;

  /** `length` bytes of `file` are whole records; what follows them is overwritten. */
  constructor(path: string, file: OpenFile, length: number) {
    this.path = path;
    this.#file = file;
    this.#length = length;
  }

  /** Bytes of whole records. */
  get length(): number {
    return this.#length;
  }

  /**
   * False after a failed fsync, or a failed write that could not be cut off: what the disk has is
   * then unknown, and only {@link replace} makes it known again.
   */
  get known(): boolean {
    return this.#known;
  }

  /**
   * Appends lines; they are on the disk when this settles, if `sync` says so.
   * @throws StoreError `STORE_IO`; the file is then as before, or not {@link known}
   */
  async append(lines: Uint8Array, sync: boolean): Promise<void> {
    try {
      await this.#file.write(lines, this.#length);
    } catch (cause) {
      await this.#cut();
      throw ioError(`cannot write to ${this.path}`, cause);
    }
    if (sync) {
      try {
        await this.#file.sync();
      } catch (cause) {
        // The kernel may have dropped the pages and forgotten the error: a second fsync that
        // succeeds proves nothing. https://wiki.postgresql.org/wiki/Fsync_Errors
        this.#known = false;
        throw ioError(`cannot fsync ${this.path}`, cause);
      }
    }
    this.#length += lines.byteLength;
  }

  /** Copies the bytes from `from` to `to` into the start of another file. */
  async copyTo(target: OpenFile, from: number, to: number, position: number): Promise<void> {
    const chunk = Buffer.allocUnsafe(Math.min(COPY_BYTES, to - from));
    for (let at = from; at < to;) {
      const wanted = chunk.subarray(0, Math.min(chunk.length, to - at));
      const read = await this.#file.read(wanted, at);
      if (read === 0) throw new Error(`${this.path} is shorter than was written to it`);
      await target.write(wanted.subarray(0, read), position + at - from);
      at += read;
    }
  }

  /** Goes on in another file, which has been given this one's name. */
  async replace(file: OpenFile, length: number): Promise<void> {
    const old = this.#file;
    this.#file = file;
    this.#length = length;
    this.#known = true;
    // Nothing in it counts any more, so neither does an error.
    await old.close().catch(() => undefined);
  }

  /** The name may now belong to either file: appending to it promises nothing. */
  distrust(): void {
    this.#known = false;
  }

  async sync(): Promise<void> {
    try {
      await this.#file.sync();
    } catch (cause) {
      this.#known = false;
      throw ioError(`cannot fsync ${this.path}`, cause);
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #cut(): Promise<void> {
    try {
      await this.#file.truncate(this.#length);
    } catch {
      // Half a record may be left at the end: nothing may be appended behind it.
      this.#known = false;
    }
  }
}

const COPY_BYTES = 1024 * 1024;
