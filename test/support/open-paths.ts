/** Owns what this process has open, where the system tells: on Linux. */
import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** The paths of all files that this process has open; those of deleted ones end with " (deleted)". */
export function openPaths(): string[] {
  const directory = "/proc/self/fd";
  return readdirSync(directory).flatMap((fd) => {
    try {
      return [readlinkSync(join(directory, fd))];
    } catch {
      // The one of the listing itself.
      return [];
    }
  });
}
