/** Reads a file that is known to be small: a lock, a salt. */
import { type Files, openIfThere } from "./files.js";

/** More than any such file has; what is longer is not one of them. */
const MAX_BYTES = 4096;

/** The first bytes of a file, or null where there is none. */
export async function readSmallFile(files: Files, path: string): Promise<Buffer | null> {
  const file = await openIfThere(files, path);
  if (file === null) return null;
  try {
    const target = Buffer.alloc(MAX_BYTES);
    return target.subarray(0, await file.read(target, 0));
  } finally {
    await file.close();
  }
}
