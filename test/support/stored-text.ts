/** Owns what tests read from the files of a store as bytes, whatever their format. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** All bytes of the directory's files. */
export function contentOf(directory: string): string {
  return readdirSync(directory)
    .filter((file) => !file.endsWith(".sock"))
    .map((file) => readFileSync(join(directory, file), "latin1"))
    .join("\n");
}

/** The expiry that the journal has for the only session in it. */
export function storedExpiry(directory: string): number {
  return Number(/"expiresAt":(\d+)/.exec(contentOf(directory))?.[1]);
}
