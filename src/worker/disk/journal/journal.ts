/**
 * The open journal file: appends lines, cuts off what a failed append left, and switches to a
 * shorter file. What a crash left at its end has been cut off by the opening.
 */
import { ioError } from "../../ports/failure.js";
import type { OpenFile } from "../../ports/files.js";

export class Journal {
  readonly path: string;
  #file: OpenFile | null;
  #length: number;
  #trusted = true;

  /** The first `length` bytes of `file` are whole records; the rest is overwritten. */
  constructor(path: string, file: OpenFile, length: number) {
    this.path = path;
    this.#file = file;
    this.#length = length;
  }

  /** Length of the whole records, in bytes. */
  get length(): number {
    return this.#length;
  }

  /**
   * False after a failed fsync, or a failed write that could not be undone: the content on the disk
   * is unknown until {@link replace}.
   */
  get trusted(): boolean {
    return this.#trusted;
  }

  /**
   * Appends lines. With `sync` they are on the disk when this resolves.
   * @throws StoreError `STORE_IO`; the file is then unchanged, or not {@link trusted}
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

  /** Copies the bytes from `from` to `to` into another file, at `position`. */
  async copyTo(target: OpenFile, from: number, to: number, position: number): Promise<void> {
    const chunk = Buffer.allocUnsafe(Math.min(COPY_BYTES, to - from));
    for (let at = from; at < to;) {
      const wanted = chunk.subarray(0, Math.min(chunk.length, to - at));
      const read = await this.#opened().read(wanted, at);
      if (read === 0) throw new Error(`${this.path} is shorter than what was written to it`);
      await target.write(wanted.subarray(0, read), position + at - from);
      at += read;
    }
  }

  /**
   * Closes the file, because Windows cannot rename another over an open one. Not {@link trusted}
   * until {@link replace}.
   */
  async release(): Promise<void> {
    this.#trusted = false;
    const file = this.#file;
    this.#file = null;
    // Nothing will be written to it, so an error does not matter.
    await file?.close().catch(() => undefined);
  }

  /** Switches to the file that now has the name of the journal. Follows {@link release}. */
  replace(file: OpenFile, length: number): void {
    this.#file = file;
    this.#length = length;
    this.#trusted = true;
  }

  /** For when the name may belong to either file, so that appending guarantees nothing. */
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
    // Close only once: its descriptor may be that of another file afterwards.
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  #opened(): OpenFile {
    if (this.#file === null) {
      throw ioError(`cannot use ${this.path}`, "it is closed, or replacing it has failed");
    }
    return this.#file;
  }

  async #cut(file: OpenFile): Promise<void> {
    try {
      await file.truncate(this.#length); // guard: journal, half a record is cut off
      // Otherwise a refused write could reappear after a power cut.
      await file.sync(); // guard: journal, fsync of a cut
    } catch {
      // What remains may be longer than what is written over it next, and stick out behind that.
      this.#trusted = false;
    }
  }
}

const COPY_BYTES = 1024 * 1024;
