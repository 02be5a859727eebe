/** A file that is written, and gets its name when all of it is on the disk. */
import { randomBytes } from "node:crypto";
import { dirname, resolve } from "node:path";

import { GatheredWrites } from "../worker/ports/gathered-writes.js";
import { nodeFiles } from "../worker/ports/node-files.js";
import { EXIT, Failure } from "./failure.js";

/** A name beside another, for what is not complete yet. */
export function partialName(path: string): string {
  return `${path}.${randomBytes(4).toString("hex")}.partial`;
}

/**
 * Makes a file, which only the owner can read.
 * @param replaces whether another file may have the name
 * @param fill writes its text with the function that it is given
 */
export async function makeFile<T>(
  name: string,
  replaces: boolean,
  fill: (write: (text: string) => Promise<void>) => Promise<T>,
): Promise<T> {
  const path = resolve(name);
  if (!replaces && (await nodeFiles.identity(path)) !== null) {
    throw new Failure(EXIT.failed, `${path} is there already: --yes replaces it`);
  }
  const temporary = partialName(path);
  const file = await nodeFiles.open(temporary, "create");
  const writes = new GatheredWrites(file);
  try {
    const filled = await fill((text) => writes.add(Buffer.from(text)));
    await writes.flush();
    await file.sync();
    await file.close();
    await nodeFiles.rename(temporary, path);
    await nodeFiles.syncDirectory(dirname(path));
    return filled;
  } catch (error) {
    await file.close().catch(() => undefined);
    await nodeFiles.remove(temporary);
    throw error;
  }
}
