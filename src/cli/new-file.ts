/** A file that is written, and gets its name when all of it is on the disk. */
import { randomBytes } from "node:crypto";
import { dirname, resolve } from "node:path";

import type { OpenFile } from "../worker/ports/files.js";
import { GatheredWrites } from "../worker/ports/gathered-writes.js";
import { nodeFiles } from "../worker/ports/node-files.js";
import { EXIT, Failure } from "./failure.js";

/** A name beside another, for what is not complete yet. */
export function partialName(path: string): string {
  return `${path}.${randomBytes(4).toString("hex")}.partial`;
}

export class NewFile {
  readonly #path: string;
  readonly #temporary: string;
  readonly #file: OpenFile;
  readonly #writes: GatheredWrites;

  private constructor(path: string, temporary: string, file: OpenFile) {
    this.#path = path;
    this.#temporary = temporary;
    this.#file = file;
    this.#writes = new GatheredWrites(file);
  }

  /**
   * Only the owner can read it.
   * @param replaces whether another file may have the name
   */
  static async create(name: string, replaces: boolean): Promise<NewFile> {
    const path = resolve(name);
    if (!replaces && (await nodeFiles.identity(path)) !== null) {
      throw new Failure(EXIT.failed, `${path} is there already: --yes replaces it`);
    }
    const temporary = partialName(path);
    return new NewFile(path, temporary, await nodeFiles.open(temporary, "create"));
  }

  async write(text: string): Promise<void> {
    await this.#writes.add(Buffer.from(text));
  }

  async finish(): Promise<void> {
    await this.#writes.flush();
    await this.#file.sync();
    await this.#file.close();
    await nodeFiles.rename(this.#temporary, this.#path);
    await nodeFiles.syncDirectory(dirname(this.#path));
  }

  async discard(): Promise<void> {
    await this.#file.close().catch(() => undefined);
    await nodeFiles.remove(this.#temporary);
  }
}
