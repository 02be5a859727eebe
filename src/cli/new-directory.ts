/** A directory that is filled, and gets its name when all of it is on the disk. */
import { rmdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";

import { isErrno } from "../worker/ports/failure.js";
import { nodeFiles } from "../worker/ports/node-files.js";
import { EXIT, Failure, messageOf } from "./failure.js";
import { partialName } from "./new-file.js";

/**
 * Makes a directory. One that is there must be empty.
 * @param path absolute
 * @param fill fills the directory that it is given, whose files it syncs
 */
export async function makeDirectory(
  path: string,
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  await assertEmpty(path);
  const temporary = partialName(path);
  await nodeFiles.createDirectory(temporary);
  try {
    await fill(temporary);
    await nodeFiles.syncDirectory(temporary);
    await put(temporary, path);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw error;
  }
  await nodeFiles.syncDirectory(dirname(path));
}

async function assertEmpty(path: string): Promise<void> {
  let names: string[];
  try {
    names = await nodeFiles.list(path);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return;
    throw error;
  }
  if (names.length > 0) {
    throw new Failure(EXIT.failed, `${path} is not empty: move it away, or name another directory`);
  }
}

/** An empty directory makes room: it is removed, which fails if it is no longer empty. */
async function put(temporary: string, path: string): Promise<void> {
  try {
    rmdirSync(path);
  } catch (error) {
    if (isErrno(error, "EBUSY")) {
      const what = `${path} cannot be replaced, as where a disk is mounted`;
      throw new Failure(EXIT.failed, `${what}: name a directory in it (${messageOf(error)})`);
    }
    if (!isErrno(error, "ENOENT")) throw error;
  }
  await nodeFiles.rename(temporary, path);
}
