/**
 * Owns what compaction costs: bytes written for each byte of journal, and memory while it streams.
 * `FAULTS=long` (npm run test:faults) makes it two million writes, and more text than V8 puts into
 * one string.
 */
import { describe, expect, it } from "vitest";
import type { Engine, Write } from "../../src/protocol/contract.js";
import { diskStats } from "../support/engine-world.js";
import { FAR_MS, openBare } from "../support/bare-engine.js";
import { SEED, seededRandom } from "../support/random.js";
import type { WatchedFiles } from "../support/watched-files.js";

const LONG = process.env["FAULTS"] === "long";
const KEY = { encryptionKey: "a key of the test's own" };
const MEBIBYTE = 1024 * 1024;

/** Only to end a test that hangs. */
const TIMEOUT_MS = LONG ? 3_600_000 : 300_000;

/** What rewriting may cost: bytes written for each byte of journal. */
const MAX_AMPLIFICATION = 3.5;

/** Bytes written so far, to the journal by commits and in all. */
function countBytes(disk: WatchedFiles): { journal: number; all: number } {
  const written = { journal: 0, all: 0 };
  disk.onOperation = ({ kind, path, bytes }) => {
    if (kind !== "write") return;
    written.all += bytes;
    if (path.endsWith("wal.log")) written.journal += bytes;
  };
  return written;
}

/** As long as sessions are, with something new each time. */
function session(sid: string, step: number): Write {
  const cookie = { originalMaxAge: FAR_MS, path: "/", httpOnly: true };
  const text = JSON.stringify({ cookie, step, data: "x".repeat(650) });
  return [sid, text, Date.now() + FAR_MS];
}

describe(`writes to a collection (seed ${SEED})`, () => {
  const load = LONG
    ? { sessions: 100_000, writes: 2_000_000, walLimit: MEBIBYTE, batch: 500 }
    : { sessions: 2_000, writes: 20_000, walLimit: 20_000, batch: 100 };

  it.each([{}, KEY])(
    `are written to disk at most ${MAX_AMPLIFICATION} times, ${JSON.stringify(load)}, %o`,
    { timeout: TIMEOUT_MS },
    async (key) => {
      const random = seededRandom(SEED);
      const { engine, disk } = await openBare({ ...key, walLimit: load.walLimit });
      const written = countBytes(disk);
      let step = 0;
      const client = async (): Promise<void> => {
        while (step < load.writes) {
          const batch = Array.from({ length: load.batch }, () =>
            session(`sid ${random.integer(load.sessions)}`, step++),
          );
          await engine.write(batch);
        }
      };
      await Promise.all([client(), client(), client(), client()]);
      expect((await diskStats(engine)).compaction).not.toBeNull();
      // Waits for the one that is under way.
      await engine.close();
      const amplification = written.all / written.journal;
      console.log(`${written.journal} bytes of journal, ${amplification.toFixed(2)} times that`);
      expect(amplification).toBeLessThanOrEqual(MAX_AMPLIFICATION);
    },
  );
});

/** Stores so many sessions of so many bytes, of which none is like another. */
async function fill(engine: Engine, count: number, bytes: number): Promise<void> {
  const random = seededRandom(SEED);
  for (let index = 0; index < count; index += 100) {
    const batch = Array.from({ length: Math.min(100, count - index) }, (_, offset): Write => {
      const word = `${index + offset} ${random.integer(2 ** 31)} `;
      const text = word.repeat(Math.ceil(bytes / word.length));
      return [`sid ${index + offset}`, JSON.stringify({ text }), Date.now() + FAR_MS];
    });
    await engine.write(batch);
  }
}

/** The most memory that the process has while `work` is under way, beyond what it has now. */
async function growthDuring(work: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage().rss;
  let most = before;
  const look = (): void => {
    most = Math.max(most, process.memoryUsage().rss);
  };
  const watching = setInterval(look, 1);
  await work();
  clearInterval(watching);
  look();
  return most - before;
}

describe("a collection larger than memory should have to hold twice", () => {
  // 2^29 - 24 characters are V8's longest string.
  const load = LONG ? { count: 30_000, bytes: 20_000 } : { count: 20_000, bytes: 10_000 };
  const collectionBytes = load.count * load.bytes;

  it.each([{}, KEY])(
    `compacts and opens again, ${collectionBytes} bytes, %o`,
    { timeout: TIMEOUT_MS },
    async (key) => {
      const { engine, directory } = await openBare({ ...key, walLimit: 8 * collectionBytes });
      await fill(engine, load.count, load.bytes);
      const growth = await growthDuring(() => engine.compact());
      const { snapshotBytes, walBytes } = await diskStats(engine);
      expect(walBytes).toBe(0);
      expect(snapshotBytes).toBeGreaterThan(collectionBytes);
      const [first] = await engine.get(["sid 7"]);
      await engine.close();

      let next = engine;
      const opening = await growthDuring(async () => {
        next = (await openBare({ ...key, directory })).engine;
      });
      expect(await next.length()).toBe(load.count);
      expect(await next.get(["sid 7"])).toEqual([first]);
      const [compactingMiB, openingMiB] = [growth, opening].map((bytes) =>
        (bytes / MEBIBYTE).toFixed(0),
      );
      console.log(`compacting took ${compactingMiB} MiB, opening ${openingMiB} MiB`);
      // Chunks, and garbage that is not collected yet, whatever the size: far from the whole text.
      expect(growth).toBeLessThan(128 * MEBIBYTE);
      // The collection itself, while what was closed may not have been collected, and as much again.
      expect(opening).toBeLessThan(64 * MEBIBYTE + 2 * collectionBytes);
    },
  );
});
