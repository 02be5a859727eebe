/**
 * The journal as a file: appended to, cut back to its last good length when that fails, replaced by
 * a shorter one. Knows no records.
 */
import { ioError } from "../../ports/failure.js";
import type { OpenFile } from "../../ports/files.js";

export class Journal {
  readonly path: string;
  #file: OpenFile | null;
  #length: number;
  #trusted = true;

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
   * then unknown, until {@link replace}.
   */
  get trusted(): boolean {
    return this.#trusted;
  }

  /**
   * Appends lines; they are on the disk when this settles, if `sync` says so.
   * @throws StoreError `STORE_IO`; the file is then as before, or not {@link trusted}
   */
  async append(lines: Uint8Array, sync: boolean): Promise<void> {
    const file = this.#opened();
    try {
      await file.write(lines, this.#length);
    } catch (cause) {
      await this.#cut(file);
      throw ioError(`cannot write to ${this.path}`, cause);
    }
    if (sync) {
      try {
        await file.sync(); // guard: journal, fsync of an append
      } catch (cause) {
        // The kernel may have dropped the pages and forgotten the error: a second fsync that
        // succeeds proves nothing. https://wiki.postgresql.org/wiki/Fsync_Errors
        this.#trusted = false; // guard: journal, a failed fsync is not trusted
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
      const read = await this.#opened().read(wanted, at);
      if (read === 0) throw new Error(`${this.path} is shorter than was written to it`);
      await target.write(wanted.subarray(0, read), position + at - from);
      at += read;
    }
  }

  /**
   * Lets go of the file, whose name is about to be given to another: Windows renames nothing over
   * an open file. Not {@link trusted} until {@link replace}.
   */
  async release(): Promise<void> {
    this.#trusted = false;
    const file = this.#file;
    this.#file = null;
    // Nothing is written to it any more, so an error says nothing.
    await file?.close().catch(() => undefined);
  }

  /** Goes on in another file, which has been given this one's name. Dual of {@link release}. */
  replace(file: OpenFile, length: number): void {
    this.#file = file;
    this.#length = length;
    this.#trusted = true;
  }

  /** The name may now belong to either file: appending promises nothing. */
  distrust(): void {
    this.#trusted = false;
  }

  async sync(): Promise<void> {
    try {
      await this.#opened().sync();
    } catch (cause) {
      this.#trusted = false;
      throw ioError(`cannot fsync ${this.path}`, cause);
    }
  }

  async close(): Promise<void> {
    // Once: the system may have given its number to another file by a second time.
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  #opened(): OpenFile {
    if (this.#file === null) throw ioError(`cannot use ${this.path}`, "it could not be replaced");
    return this.#file;
  }

  async #cut(file: OpenFile): Promise<void> {
    try {
      await file.truncate(this.#length); // guard: journal, half a record is cut off
      // Otherwise a power cut could bring back what was refused.
      await file.sync(); // guard: journal, fsync of a cut
    } catch {
      // A whole record may be left at the end, and would stay behind a shorter one.
      this.#trusted = false;
    }
  }
}

const COPY_BYTES = 1024 * 1024;
