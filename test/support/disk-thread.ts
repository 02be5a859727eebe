/** Owns the code of the disk thread, as it was built. */
import { readFileSync } from "node:fs";

export const DISK_THREAD = readFileSync(
  new URL("../../dist/disk-thread.cjs", import.meta.url),
  "utf8",
);
