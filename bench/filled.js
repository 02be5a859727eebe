/** Directories that contenders have filled: once in a run, since a million sessions take a while. */
import { constants } from "node:fs";
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Child } from "./message.js";

const FILL_MS = 600_000;

export class FilledDirectories {
  #root;
  #filled = new Map();

  constructor(root) {
    this.#root = root;
  }

  /** Only to be read: `{ directory, measured }`, with what filling took. */
  of(contender, sessions, bytes) {
    const key = `${contender}-${sessions}-${bytes}`;
    // What failed once is not tried again for each cell that needs it.
    if (!this.#filled.has(key)) this.#filled.set(key, this.#fill(key, contender, sessions, bytes));
    return this.#filled.get(key);
  }

  async copy(contender, sessions, bytes, to) {
    const { directory } = await this.of(contender, sessions, bytes);
    await cp(directory, to, { recursive: true, mode: constants.COPYFILE_FICLONE });
  }

  async #fill(key, contender, sessions, bytes) {
    const directory = join(this.#root, key);
    await mkdir(directory);
    const filler = new Child("./cell-scale.js");
    try {
      const what = { contender, at: { directory }, sessions, bytes };
      return { directory, measured: await filler.ask("fill", what, FILL_MS) };
    } finally {
      await filler.stop();
    }
  }
}
