/** The commands that copy the files and bring them back: backup, restore. */
import { join, resolve } from "node:path";

import type { DiskEngineConfig } from "../protocol/config.js";
import { StoreError } from "../protocol/errors.js";
import { type CopiedFile, Outside } from "../worker/disk/outside.js";
import { readSmallFile, writeNewFile } from "../worker/ports/files.js";
import { nodeFiles } from "../worker/ports/node-files.js";
import { missing, noteDeparture } from "./access.js";
import { counted } from "./changing.js";
import { EXIT, type Exit, Failure, usage } from "./failure.js";
import { makeDirectory } from "./new-directory.js";
import type { Given } from "./options.js";
import { note, write, writeJson } from "./output.js";
import { type Place, placeOf } from "./place.js";

/** The file that makes a directory a backup: what is in it, and how it was. */
const MANIFEST = "backup.json";
const FORMAT = "express-session-isolate backup";
const VERSION = 1;

interface Manifest {
  readonly format: string;
  readonly version: number;
  readonly collection: string;
  /** Epoch milliseconds. */
  readonly madeAt: number;
  readonly files: readonly CopiedFile[];
}

/** What was found when the copy was read. */
interface Checked {
  /** Live sessions; null if it is encrypted and there was no key to read it with. */
  readonly sessions: number | null;
  readonly damaged: number;
}

export async function backup(given: Given): Promise<Exit> {
  const target = directoryOf(given);
  const place = placeOf(given);
  const { files } = place;
  if (files === null) throw usage("backup is of files: for Redis there is export");
  if (!(await files.exists())) throw missing(place);
  await noteDeparture(files);
  let checked: Checked = { sessions: null, damaged: 0 };
  await makeDirectory(target, async (directory) => {
    const copied = await files.copyTo(directory);
    checked = await check(place, directory);
    await writeManifest(directory, place, copied);
  });
  const { sessions, damaged } = checked;
  if (given.is("json")) await writeJson({ backup: target, sessions, damaged });
  else {
    const what = sessions === null ? "encrypted, not verified without its key" : counted(sessions);
    await write(`${target}: ${what}\n`);
  }
  if (damaged === 0) return EXIT.done;
  note(`the files are damaged, and so is the backup: verify says where`);
  return EXIT.damaged;
}

/** @throws StoreError if there is a key that does not fit, or nothing can be read */
async function check({ config }: Place, directory: string): Promise<Checked> {
  const copy = { ...config, disk: { ...config.disk, directory } } as DiskEngineConfig;
  try {
    const reading = await new Outside(copy).read();
    const sessions = reading?.collection.countLive(Date.now()) ?? 0;
    return { sessions, damaged: reading?.damage.length ?? 0 };
  } catch (error) {
    const isSealed = error instanceof StoreError && error.code === "STORE_KEY_MISMATCH";
    if (!isSealed || config.encryptionKeys.length > 0) throw error;
    return { sessions: null, damaged: 0 };
  }
}

async function writeManifest(
  directory: string,
  { config }: Place,
  files: readonly CopiedFile[],
): Promise<void> {
  const manifest: Manifest = {
    ...{ format: FORMAT, version: VERSION, madeAt: Date.now(), files },
    collection: config.disk?.collection ?? "",
  };
  const bytes = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  await writeNewFile(nodeFiles, join(directory, MANIFEST), bytes, { sync: true });
}

export async function restore(given: Given): Promise<Exit> {
  const source = directoryOf(given);
  const { collection, files: copied } = await readManifest(source);
  const { files } = placeOf(given, collection);
  if (files === null) throw usage("restore is of files: give --directory DIR");
  if ((await files.holder()).state === "held") {
    throw new Failure(EXIT.busy, `a store has ${files.paths.directory} open: stop it first`);
  }
  const { directory } = files.paths;
  await makeDirectory(directory, async (temporary) => {
    const wrong = await files.copyBack({ directory: source, collection }, temporary, copied);
    if (wrong !== null) throw damaged(source, `its ${wrong} is not as it was copied`);
  });
  if (given.is("json")) await writeJson({ restored: directory });
  else await write(`${directory} is as it was\n`);
  return EXIT.done;
}

async function readManifest(directory: string): Promise<Manifest> {
  const text = (await readSmallFile(nodeFiles, join(directory, MANIFEST)))?.toString();
  if (text === undefined) throw damaged(directory, `there is no ${MANIFEST} in it`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged(directory, `${MANIFEST} is cut short or damaged`);
  }
  const { format, version, collection, files } = (value ?? {}) as Partial<Manifest>;
  const isKnown = format === FORMAT && version === VERSION && typeof collection === "string";
  if (!isKnown || !Array.isArray(files) || !files.every(isCopiedFile)) {
    throw damaged(directory, `${MANIFEST} is none of this version`);
  }
  return value as Manifest;
}

function isCopiedFile(file: Partial<CopiedFile> | null): boolean {
  const { kind = "", bytes, sha256 } = file ?? {};
  const isKind = ["snapshot", "journal", "salt"].includes(kind);
  return isKind && typeof bytes === "number" && typeof sha256 === "string";
}

function directoryOf(given: Given): string {
  const [directory] = given.args;
  if (directory === undefined) throw usage("which backup? Give the name of its directory");
  return resolve(directory);
}

function damaged(directory: string, reason: string): Failure {
  return new Failure(EXIT.damaged, `${directory} is no whole backup: ${reason}`);
}
