/** Owns what tests know of a directory on disk: its bytes, its modes, what can be found in it. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** The content of each file by name. */
export function bytesIn(directory: string): Map<string, string> {
  const names = readdirSync(directory)
    .filter((name) => !name.endsWith(".sock"))
    .sort();
  return new Map(names.map((name) => [name, readFileSync(join(directory, name), "latin1")]));
}

/** The names of the files in which any of these texts stands, raw or as JSON writes it. */
export function filesWith(directory: string, texts: readonly string[]): string[] {
  const wanted = texts.flatMap((text) => [text, JSON.stringify(text).slice(1, -1)]);
  return readdirSync(directory).filter((name) => {
    if (name.endsWith(".sock")) return false;
    const content = readFileSync(join(directory, name));
    return wanted.some((text) => content.includes(text));
  });
}

/** The permissions of a file or directory. */
export function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}
