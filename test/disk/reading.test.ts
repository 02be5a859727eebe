/**
 * Owns that a collection is read from outside as an opening reads it: whatever is damaged, the same
 * sessions, the same refusals; and that nothing is written.
 */
import { beforeAll, describe, expect, it } from "vitest";
import type { StoreError } from "../../src/protocol/errors.js";
import { copyCollection } from "../../src/worker/disk/copying.js";
import { lookerOver } from "../../src/worker/disk/outside.js";
import { collectionPaths } from "../../src/worker/disk/paths.js";
import { readCollection, type Reading } from "../../src/worker/disk/reading.js";
import type { Files } from "../../src/worker/ports/files.js";
import { type Base, JOURNAL, makeBase, openBase, SNAPSHOT } from "../support/damage/base.js";
import { MUTATIONS } from "../support/damage/mutations.js";
import { diskStats, rememberKeys } from "../support/engine-world.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryFiles } from "../support/memory-files.js";
import { SEED, seededRandom } from "../support/random.js";

const CASES = process.env["FAULTS"] === "long" ? 2000 : 50;
const KEY = "a key of the test's own";
const PATHS = collectionPaths("/data", "sessions");

let bases: Base[] = [];
beforeAll(async () => {
  rememberKeys();
  bases = [await makeBase("plain", null), await makeBase("encrypted", KEY)];
});

function read(files: Files, password: string | null): Promise<Reading | null> {
  return readCollection({
    ...{ files, paths: PATHS, clock: new ManualClock(), ttlMs: 86_400_000 },
    passwords: password === null ? [] : [password],
  });
}

/** What is seen of a collection from outside. */
async function seen(files: Files, password: string | null): Promise<unknown> {
  try {
    const reading = await read(files, password);
    const looker = lookerOver(reading!, new ManualClock().now());
    const ids = await looker.ids();
    return { sessions: zip(ids, await looker.inspect(ids)), isDamaged: reading!.damage.length > 0 };
  } catch (error) {
    return (error as StoreError).code;
  }
}

/** What an opening makes of it. */
async function opened(files: MemoryFiles, password: string | null): Promise<unknown> {
  try {
    const engine = await openBase(files, password);
    const ids = await engine.ids();
    const sessions = zip(ids, await engine.inspect(ids));
    const { quarantined } = await diskStats(engine);
    await engine.close();
    return { sessions, isDamaged: quarantined > 0 };
  } catch (error) {
    return (error as StoreError).code;
  }
}

function zip(ids: readonly string[], values: readonly unknown[]): unknown {
  return ids.map((id, index) => [id, values[index]]);
}

describe.each(["plain", "encrypted"])("a damaged collection, %s", (name) => {
  it.each([JOURNAL, SNAPSHOT])(
    "is seen as an opening finds it, and left as it is: %s",
    async (path) => {
      const base = bases.find((each) => each.name === name)!;
      for (let number = 0; number < CASES; number++) {
        const random = seededRandom(SEED + number * 7919);
        const mutation = random.pick(MUTATIONS);
        const files = new MemoryFiles([
          ...base.files,
          [path, mutation.apply(base.files.get(path)!, random)],
        ]);
        const before = files.contents();
        const found = await seen(files, base.password);
        const what = `${mutation.name}, case ${number} of TEST_SEED=${SEED}`;
        expect(files.contents(), what).toEqual(before);
        expect(found, what).toEqual(await opened(files, base.password));
      }
    },
  );
});

it("refuses a key that does not fit, and files without one", async () => {
  const [, { files }] = bases as [Base, Base];
  expect(await seen(new MemoryFiles(files), "another key")).toBe("STORE_KEY_MISMATCH");
  expect(await seen(new MemoryFiles(files), null)).toBe("STORE_KEY_MISMATCH");
  const other: [string, Buffer][] = [[PATHS.salt, Buffer.from("not a salt")]];
  const [plain] = bases as [Base, Base];
  expect(await seen(new MemoryFiles([...plain.files, ...other]), KEY)).toBe("STORE_CORRUPT");
});

it("names each damaged line, and what is wrong with it", async () => {
  const [plain, encrypted] = bases as [Base, Base];
  const spoil = (base: Base, path: string, change: (lines: string[]) => void) => {
    const lines = base.files.get(path)!.toString("latin1").split("\n");
    change(lines);
    return new MemoryFiles([...base.files, [path, Buffer.from(lines.join("\n"), "latin1")]]);
  };
  const damage = async (files: Files, base: Base) => (await read(files, base.password))!.damage;

  const journal = spoil(plain, JOURNAL, (lines) => {
    lines[1] = lines[1]!.replace('"crc":"', '"crc":"f');
    lines.splice(3, 0, "something else", "and more of it");
  });
  expect(await damage(journal, plain)).toEqual([
    { file: "journal", line: 2, reason: "the checksum is wrong" },
    { file: "journal", line: 4, reason: "it is no record" },
    { file: "journal", line: 5, reason: "it is no record" },
  ]);
  const snapshot = spoil(plain, SNAPSHOT, (lines) => {
    lines[2] = lines[2]!.replace("number", "numbed");
    lines.pop();
    lines.pop();
  });
  expect(await damage(snapshot, plain)).toEqual([
    { file: "snapshot", line: 3, reason: "the checksum is wrong, or it is no document" },
  ]);
  const sealed = spoil(encrypted, JOURNAL, (lines) => {
    lines[1] = `${lines[1]!.slice(0, -8)}AAAAAAAA`;
  });
  expect(await damage(sealed, encrypted)).toEqual([
    { file: "journal", line: 2, reason: "the encrypted text was changed or cut" },
  ]);
});

/** Files of which a compaction replaces both between two calls. */
class Compacting extends MemoryFiles {
  after: string | null = null;
  compact: () => Promise<void> = async () => undefined;

  override async open(...args: Parameters<MemoryFiles["open"]>) {
    const file = await super.open(...args);
    if (args[0] === this.after) {
      this.after = null;
      await this.compact();
    }
    return file;
  }
}

describe("while a compaction replaces the files", () => {
  it.each([SNAPSHOT, JOURNAL])(
    "both are read, and copied, of one moment: after %s",
    async (path) => {
      const [plain] = bases as [Base, Base];
      const files = new Compacting(plain.files);
      const engine = await openBase(files, null);
      // It is in the snapshot of the next compaction, and in the journal before that.
      await engine.write([["late", `{"n":1}`, Date.UTC(2040, 0, 1)]]);
      files.compact = () => engine.compact();
      files.after = path;
      const reading = await read(files, null);
      expect(files.after).toBeNull();
      expect(reading!.collection.get("late")).toBeDefined();
      expect(reading!.collection.size).toBe((await engine.ids()).length);

      await engine.write([["later", `{"n":1}`, Date.UTC(2040, 0, 1)]]);
      files.after = path;
      await copyCollection(files, PATHS, collectionPaths("/copy", "sessions"));
      expect(files.after).toBeNull();
      for (const which of ["snapshot", "journal"] as const) {
        files.put(`/data/${which}`, files.content(collectionPaths("/copy", "sessions")[which]));
      }
      const copy = new MemoryFiles([
        [SNAPSHOT, files.content("/copy/sessions.snapshot.json")],
        [JOURNAL, files.content("/copy/sessions.wal.log")],
      ]);
      expect((await read(copy, null))!.collection.get("later")).toBeDefined();
      expect((await read(copy, null))!.collection.size).toBe((await engine.ids()).length);
      await engine.close();
    },
  );
});
