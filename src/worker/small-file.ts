/** Reads a file that is known to be small: a lock, a salt. */
import { isErrno } from "./failure.js";
import type { Files } from "./files.js";

/** More than any such file has; what is longer is not one of them. */
const MAX_BYTES = 4096;

/** The first bytes of a file, or null where there is none. */
export async function readSmallFile(files: Files, path: string): Promise<Buffer | null> {
  let file;
  try {
    file = await files.open(path, "read");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return null;
    throw error;
  }
  try {
    const target = Buffer.alloc(MAX_BYTES);
    return target.subarray(0, await file.read(target, 0));
  } finally {
    await file.close();
  }
}
