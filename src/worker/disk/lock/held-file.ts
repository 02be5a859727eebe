/**
 * The lock file of the store that holds the lock. Kept open: what is written through it cannot reach a
 * lock that another process creates.
 */
import type { Files, OpenFile } from "../../ports/files.js";

export class HeldFile {
  readonly #files: Files;
  readonly #path: string;
  /** Which file it is. */
  readonly id: string;
  #file: OpenFile | null;
  #reopening: Promise<void> | null = null;

  constructor(files: Files, path: string, file: OpenFile, id: string) {
    this.#files = files;
    this.#path = path;
    this.#file = file;
    this.id = id;
  }

  /** Uses the open file. Opens it again if that fails: the thread that had it open may have died. */
  async use<T>(operation: (file: OpenFile) => Promise<T>): Promise<T | null> {
    const file = this.#file;
    if (file === null) return null;
    try {
      return await operation(file);
    } catch (error) {
      if (this.#file === file) {
        this.#reopening ??= this.#reopen(file).finally(() => (this.#reopening = null));
        await this.#reopening;
      }
      if (this.#file === file || this.#file === null) throw error;
      return operation(this.#file);
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  async #reopen(file: OpenFile): Promise<void> {
    const again = await this.#files.open(this.#path, "existing");
    const id = await again.identity().then(
      (found) => found.id,
      () => null,
    );
    // Not if another process has taken the lock meanwhile, or it is being released.
    const isOurs = id === this.id && this.#file === file;
    if (isOurs) this.#file = again;
    await (isOurs ? file : again).close().catch(() => undefined);
  }
}
