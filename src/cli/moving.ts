/** The commands that take sessions from one place to another: export, import. */
import type { Engine, Touch, Write } from "../protocol/contract.js";
import { decodeError } from "../protocol/wire-error.js";
import { nodeFiles } from "../worker/ports/node-files.js";
import { look, withEngine } from "./access.js";
import { counted } from "./changing.js";
import { Exporter, type Line, sessionsOf, verifyExport } from "./export-format.js";
import { EXIT, type Exit, Failure, messageOf, usage } from "./failure.js";
import { makeFile } from "./new-file.js";
import type { Given } from "./options.js";
import { note, Progress, write, writeJson } from "./output.js";
import { type Place, placeOf } from "./place.js";
import { sessionsIn } from "./sessions.js";

/** How many sessions are stored at once, and about how many characters. */
const BATCH_SESSIONS = 256;
const BATCH_LENGTH = 1024 * 1024;

export async function exportSessions(given: Given): Promise<Exit> {
  const place = placeOf(given);
  const output = given.text("output");
  if (output === undefined && process.stdout.isTTY) {
    throw usage("an export shows what the sessions hold: give --output FILE, or pipe it on");
  }
  if (place.files === null && place.config.encryptionKeys.length > 0) {
    note("encrypted sessions in Redis do not tell whose they are: the export does not have it");
  }
  if (output === undefined) {
    await exportTo(write, place);
    return EXIT.done;
  }
  const sessions = await makeFile(output, given.is("yes"), (sink) => exportTo(sink, place));
  if (given.is("json")) await writeJson({ exported: sessions });
  else await write(`${counted(sessions)} exported to ${output}\n`);
  return EXIT.done;
}

async function exportTo(sink: (line: string) => Promise<void>, place: Place): Promise<number> {
  const exporter = new Exporter();
  const progress = new Progress("exported");
  await look(place, async ({ looker }) => {
    await sink(exporter.head(Date.now()));
    for await (const found of sessionsIn(looker)) {
      await sink(exporter.session(found));
      progress.add(1);
    }
  });
  await sink(exporter.end());
  progress.end();
  return exporter.sessions;
}

export async function importSessions(given: Given): Promise<Exit> {
  const [path] = given.args;
  if (path === undefined) throw usage("which file? Give the name of an export");
  const place = placeOf(given);
  const file = await nodeFiles.open(path, "read").catch((error: unknown) => {
    throw usage(`cannot read the export: ${messageOf(error)}`);
  });
  try {
    // Before anything is stored.
    const all = await verifyExport(file);
    const imported = await withEngine(place, async (engine) => {
      await assertAlone(engine);
      return store(engine, sessionsOf(file));
    });
    const expired = all - imported;
    if (given.is("json")) await writeJson({ imported, expired });
    else await write(`${counted(imported)} imported, ${expired} had expired\n`);
  } finally {
    await file.close();
  }
  return EXIT.done;
}

/** A server that runs would meet sessions that change under its requests. */
async function assertAlone(engine: Engine): Promise<void> {
  const { sharing } = await engine.stats();
  if (sharing?.role !== "guest") return;
  const { pid, host } = sharing.owner;
  throw new Failure(
    EXIT.busy,
    `process ${pid} on ${host} has these sessions open: stop it first; nothing was imported`,
  );
}

/** @returns how many were stored */
async function store(engine: Engine, lines: AsyncIterable<Line>): Promise<number> {
  const progress = new Progress("imported");
  let stored = 0;
  let batch: Line[] = [];
  let length = 0;
  const flush = async (): Promise<void> => {
    await storeBatch(engine, batch);
    stored += batch.length;
    progress.add(batch.length);
    batch = [];
    length = 0;
  };
  for await (const line of lines) {
    if (line.expiresAt <= Date.now()) continue;
    batch.push(line);
    length += line.session.length;
    if (batch.length >= BATCH_SESSIONS || length >= BATCH_LENGTH) await flush();
  }
  if (batch.length > 0) await flush();
  progress.end();
  return stored;
}

/** Each as it was: a cookie that came with a touch is stored by one. */
async function storeBatch(engine: Engine, batch: readonly Line[]): Promise<void> {
  const writes = batch.map(({ id, session, expiresAt, user, createdAt }): Write => [
    ...([id, session, expiresAt, "moved", user, createdAt] as const),
  ]);
  for (const outcome of await engine.write(writes)) {
    if (typeof outcome !== "number") throw decodeError(outcome);
  }
  const touches = batch.flatMap(({ id, cookie, expiresAt }): Touch[] =>
    cookie === null ? [] : [[id, cookie, expiresAt]],
  );
  if (touches.length > 0) await engine.touch(touches);
}
