/** The commands that show what is there: stats, list, show. */
import { look, type View } from "./access.js";
import { EXIT, type Exit, Failure, usage } from "./failure.js";
import type { Given } from "./options.js";
import { type Column, note, Table, timeText, writeFacts, writeJson } from "./output.js";
import { type Place, placeOf } from "./place.js";
import { COLUMNS, DATA_COLUMN, sessionsIn, type Shown, shown } from "./sessions.js";

export async function stats(given: Given): Promise<Exit> {
  const place = placeOf(given);
  const facts = await look(place, (view) => statsOf(place, view));
  if (given.is("json")) await writeJson(facts);
  else await writeFacts(Object.entries(facts).map(([name, value]) => [name, textOf(value)]));
  return EXIT.done;
}

/** The same facts whether a store has the files open or not. */
async function statsOf(place: Place, { engine, reading }: View): Promise<object> {
  if (reading !== null) {
    const { collection, journalBytes, snapshotBytes, damage } = reading;
    return {
      place: place.name,
      sessions: collection.countLive(Date.now()),
      owner: null,
      journalBytes: journalBytes ?? 0,
      snapshotBytes: snapshotBytes ?? 0,
      memoryBytes: collection.bytes,
      damaged: damage.length,
    };
  }
  const { sessions, disk, redis } = await engine.stats();
  if (disk === undefined) return { place: place.name, sessions, masters: redis?.masters ?? 0 };
  return {
    place: place.name,
    sessions,
    owner: await ownerOf(place),
    journalBytes: disk.walBytes,
    snapshotBytes: disk.snapshotBytes,
    memoryBytes: disk.memory.bytes,
    damaged: disk.quarantined,
  };
}

async function ownerOf({ files }: Place): Promise<object | null> {
  const holder = await files?.holder();
  if (holder?.state !== "held" || holder.record === null) return null;
  const { pid, host } = holder.record;
  return { pid, host };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

export async function list(given: Given): Promise<Exit> {
  const withData = given.is("with-data");
  const columns: readonly Column<Shown>[] = withData ? [...COLUMNS, DATA_COLUMN] : COLUMNS;
  await look(placeOf(given), async ({ looker }) => {
    const table = new Table(columns);
    let count = 0;
    for await (const found of sessionsIn(looker, given.text("user"))) {
      count++;
      const row = shown(found, withData);
      if (given.is("json")) await writeJson(row);
      else await table.add(row);
    }
    await table.end();
    if (count === 0 && !given.is("json")) note("no sessions");
  });
  return EXIT.done;
}

export async function show(given: Given): Promise<Exit> {
  const [id] = given.args;
  if (id === undefined) throw usage("which session? Give its id");
  const place = placeOf(given);
  const stored = await look(place, async ({ looker }) => (await looker.inspect([id]))[0] ?? null);
  if (stored === null) throw noSession(place);
  const session = shown({ id, stored }, given.is("with-data"));
  if (given.is("json")) await writeJson(session);
  else {
    await writeFacts([
      ["id", session.id],
      ["user", session.user ?? "-"],
      ["created", timeText(session.createdAt)],
      ["expires", timeText(session.expiresAt)],
      ["bytes", String(session.bytes)],
      ...("session" in session ? [["session", JSON.stringify(session.session)] as const] : []),
    ]);
  }
  return EXIT.done;
}

export function noSession({ name }: Place): Failure {
  return new Failure(EXIT.failed, `no live session in ${name} has this id`);
}
