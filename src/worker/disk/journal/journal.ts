/**
 * The open journal file: appends the lines that the committer gives it, cuts off what a failed commit
 * left, and switches to a shorter file. What a crash left at its end has been cut off by the opening.
 */
import { ioError, isDiskFull, isFailedWrite } from "../../ports/failure.js";
import type { Files, OpenFile } from "../../ports/files.js";

type How = "write" | "writeThrough";
type MakeRoom = () => Promise<boolean>;

export class Journal {
  readonly path: string;
  #file: OpenFile | null;
  #length: number;
  /** Where the next lines go: behind the whole records, unless some are being appended. */
  #end: number;
  #trusted = true;

  /** The first `length` bytes of `file` are whole records; the rest is overwritten. */
  constructor(path: string, file: OpenFile, length: number) {
    this.path = path;
    this.#file = file;
    this.#length = length;
    this.#end = length;
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
   * Appends lines. They are part of the journal once {@link commit} has resolved.
   * @param makeRoom called if the disk is full; resolves to whether it may no longer be
   */
  append(lines: Uint8Array, makeRoom: MakeRoom): Promise<void> {
    return this.#write(lines, "write", makeRoom);
  }

  /**
   * Appends the last lines, and makes all that was appended part of the journal. With `sync` it is
   * on the disk when this resolves.
   * @throws StoreError `STORE_IO`; after a failed fsync the file is not {@link trusted}
   */
  async commit(lines: Uint8Array, sync: boolean, makeRoom: MakeRoom): Promise<void> {
    let how: How = "write";
    if (sync) how = "writeThrough"; // guard: journal, fsync of a commit
    await this.#write(lines, how, makeRoom);
    this.#length = this.#end;
  }

  /** Cuts off what was appended since the last commit. If that fails, it is not {@link trusted}. */
  async rollback(): Promise<void> {
    if (this.#end === this.#length) return;
    this.#end = this.#length;
    try {
      const file = this.#opened();
      await file.truncate(this.#length); // guard: journal, what was refused is cut off
      // Otherwise a refused write could reappear after a power cut.
      await file.sync(); // guard: journal, fsync of a cut
    } catch {
      // What remains may be longer than what is written over it next, and stick out behind that.
      this.#trusted = false;
    }
  }

  /**
   * Whether the file still has its name and what has been written to it.
   * @throws StoreError `STORE_IO`; the file is then not {@link trusted} if it is no longer open
   */
  async isInPlace(files: Files): Promise<boolean> {
    const file = this.#opened();
    const named = await files.identity(this.path);
    if (named?.id !== (await this.#identity(file))) return false;
    if (this.#length === 0) return true;
    // Behind the end of a file that was emptied, what is written leaves a hole at the start.
    const first = Buffer.alloc(1);
    return (await file.read(first, 0)) === 1 && first[0] !== 0;
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

  /** Hands the file over to be closed by the caller. Not {@link trusted} until {@link replace}. */
  detach(): OpenFile | null {
    this.#trusted = false;
    const file = this.#file;
    this.#file = null;
    return file;
  }

  /** Switches to the file that now has the name of the journal. Follows {@link detach}. */
  replace(file: OpenFile, length: number): void {
    this.#file = file;
    this.#length = length;
    this.#end = length;
    this.#trusted = true;
  }

  /** For when the name may belong to another file, so that appending guarantees nothing. */
  distrust(): void {
    this.#trusted = false;
  }

  async sync(): Promise<void> {
    try {
      await this.#opened().sync();
    } catch (cause) {
      this.#trusted = false; // guard: journal, a failed fsync is not trusted
      throw ioError(`cannot fsync ${this.path}`, cause);
    }
  }

  async close(): Promise<void> {
    // Close only once: its descriptor may be that of another file afterwards.
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  async #write(lines: Uint8Array, how: How, makeRoom: MakeRoom): Promise<void> {
    const file = this.#opened();
    const at = this.#end;
    // A write that fails may have left a part.
    this.#end += lines.byteLength;
    try {
      await file[how](lines, at).catch(async (error: unknown) => {
        const isFull = isFailedWrite(error) && isDiskFull(error);
        if (!isFull || !(await makeRoom())) throw error;
        await file[how](lines, at);
      });
    } catch (cause) {
      // The kernel may have dropped the pages and forgotten the error: a second fsync that succeeds
      // proves nothing. https://wiki.postgresql.org/wiki/Fsync_Errors
      if (!isFailedWrite(cause)) this.#trusted = false; // guard: journal, nor that of a commit
      throw ioError(`cannot write to ${this.path}`, cause);
    }
  }

  async #identity(file: OpenFile): Promise<string> {
    try {
      return (await file.identity()).id;
    } catch (cause) {
      // The thread that had it open has died, and what was appended cannot be known.
      this.#trusted = false; // guard: journal, a file that is no longer open is not trusted
      throw ioError(`cannot use ${this.path}`, cause);
    }
  }

  #opened(): OpenFile {
    if (this.#file === null) {
      throw ioError(`cannot use ${this.path}`, "it is closed, or replacing it has failed");
    }
    return this.#file;
  }
}

const COPY_BYTES = 1024 * 1024;
