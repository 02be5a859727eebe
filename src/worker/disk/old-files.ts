/**
 * The files that a compaction replaces. A file that is open keeps its content without its name, so
 * that it is freed, which takes long for a large one, only when writes no longer wait for it.
 */
import { type Files, openIfThere, type OpenFile } from "../ports/files.js";
import type { Journal } from "./journal/journal.js";
import type { CollectionPaths } from "./paths.js";

/** Windows cannot rename a file over an open one. */
const CLOSES_FIRST = process.platform === "win32";

interface OldFilesParts {
  readonly files: Files;
  readonly paths: CollectionPaths;
  readonly journal: Journal;
}

export class OldFiles {
  readonly #parts: OldFilesParts;
  readonly #open: OpenFile[] = [];

  constructor(parts: OldFilesParts) {
    this.#parts = parts;
  }

  async holdSnapshot(): Promise<void> {
    if (CLOSES_FIRST) return;
    const { files, paths } = this.#parts;
    // Without it, replacing the snapshot only takes longer.
    const file = await openIfThere(files, paths.snapshot).catch(() => null);
    if (file !== null) this.#open.push(file);
  }

  /** Takes the file from the journal, which has none until it gets the new one. */
  async holdJournal(): Promise<void> {
    const file = this.#parts.journal.detach();
    if (file !== null) this.#open.push(file);
    if (CLOSES_FIRST) await this.close();
  }

  /** Nothing will be written to them, so an error does not matter. */
  async close(): Promise<void> {
    for (const file of this.#open.splice(0)) await file.close().catch(() => undefined);
  }
}
