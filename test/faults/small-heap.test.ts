/**
 * Owns the end of memory: a process whose heap is too small for all that comes goes on, keeps whoever
 * uses a session, and opens again.
 */
import { execFile } from "node:child_process";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { expect, it } from "vitest";

import { encodeLine, insertRecord } from "../../src/worker/disk/journal/record.js";
import { tempDirectory } from "../support/temp-dir.js";

const LONG = process.env["FAULTS"] === "long";
const FLOOD = fileURLToPath(new URL("../fixtures/flood.js", import.meta.url));
const HEAP_MB = 128;
/** More than the heap could hold if no limit were set: about 130,000. */
const BOTS = LONG ? 1_000_000 : 150_000;
const USERS = 100;
const TIMEOUT_MS = 1_800_000;

interface Outcome {
  readonly opened: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly users: number;
  readonly lost: number;
  readonly evicted: number;
  readonly full: number;
}

async function flood(options: object, bots = BOTS): Promise<Outcome> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    `--max-old-space-size=${HEAP_MB}`,
    FLOOD,
    JSON.stringify({ options, bots, users: USERS }),
  ]);
  return JSON.parse(stdout) as Outcome;
}

/** A journal of 150 MB whose sessions have expired, but for a few. */
async function fill(directory: string, isLive: (n: number) => boolean): Promise<void> {
  const json = JSON.stringify({ text: "x".repeat(10_000) });
  const file = await open(join(directory, "sessions.wal.log"), "w");
  for (let n = 0; n < 15_000; n++) {
    const expiresAt = isLive(n) ? Date.now() + 86_400_000 : Date.now() - 1000;
    const record = insertRecord(Date.now(), `sid ${n}`, { json, cookie: null, expiresAt });
    await file.write(`${encodeLine(record, null)}\n`);
  }
  await file.close();
}

const KINDS: readonly (readonly [name: string, options: object])[] = [
  ["", {}],
  [", encrypted", { encryptionKey: "a key of the test's own" }],
];

it.each(LONG ? KINDS : KINDS.slice(0, 1))(
  "a flood of bots pushes out bots, and it goes on after a restart%s",
  async (_, more) => {
    // Without waiting for the disk, so that the flood is as fast as can be.
    const options = { directory: tempDirectory(), durable: false, ...more };
    const first = await flood(options);
    expect(first).toMatchObject({ opened: 0, failures: {}, users: USERS, lost: 0 });
    expect(first.evicted).toBeGreaterThan(0);
    const second = await flood(options, BOTS / 5);
    expect(second).toMatchObject({ failures: {}, users: 2 * USERS, lost: 0 });
    expect(second.opened).toBeGreaterThan(50_000);
    expect(second.full).toBeLessThanOrEqual(1);
  },
  TIMEOUT_MS,
);

it(
  "a collection opens in which the live sessions alone fit",
  async () => {
    const directory = tempDirectory();
    await fill(directory, (n) => n % 100 === 0);
    expect(await flood({ directory }, 0)).toMatchObject({ opened: 150, failures: {} });
  },
  TIMEOUT_MS,
);

it(
  "one in which not even these fit says so, and ends no process",
  async () => {
    const directory = tempDirectory();
    await fill(directory, () => true);
    expect(await flood({ directory }, 0)).toEqual({ code: "STORE_FULL" });
  },
  TIMEOUT_MS,
);
