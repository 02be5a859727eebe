/**
 * Owns what a disk that fails may cost: at each call in turn it is full, broken, short of file
 * descriptors, or loses what it was to fsync. Calls that need it fail with a code, no others do, and
 * the store works again when the disk does.
 */
import { describe, it, vi } from "vitest";

import { FaultDisk } from "../support/power/fault-disk.js";
import type { Fault, Operation, Witness } from "../support/power/operations.js";
import { StoreError } from "../../src/protocol/errors.js";
import { JOURNAL, Life } from "../support/power/life.js";
import { doEverything, Script } from "../support/power/life-script.js";
import { seededRandom, SEED } from "../support/random.js";
import { expectNoViolations } from "../support/totals.js";

vi.mock("node:crypto", async (original) => {
  const { withFastPbkdf2 } = await import("../support/fast-pbkdf2.js");
  return withFastPbkdf2(await original());
});

const LONG = process.env["FAULTS"] === "long";
/** Of how many calls one fails. */
const EVERY = LONG ? 1 : 16;
const TIMEOUT_MS = 1_800_000;
const START = Date.UTC(2026, 0, 1);
const PASSWORD = "a password of some length";
/** Longer than the longest wait between two attempts to replace a journal. */
const BACK_OFF_MS = 31_000;
/** A lock that could not be removed is stale after this long. */
const STALE_MS = 10_500;

const EIO: Fault = { code: "EIO" };
const ENOSPC: Fault = { code: "ENOSPC" };
const EMFILE: Fault = { code: "EMFILE" };
const SHORT_WRITE: Fault = { code: "ENOSPC", share: 0.5 };

/** How each operation can fail. A failed `sync` loses what was written. */
const FAULTS: Readonly<Record<Operation["kind"], readonly Fault[]>> = {
  createDirectory: [EIO, ENOSPC],
  open: [EIO, ENOSPC, EMFILE],
  size: [EIO],
  read: [EIO],
  write: [EIO, ENOSPC, SHORT_WRITE],
  truncate: [EIO],
  sync: [EIO, ENOSPC],
  close: [EIO],
  rename: [EIO, ENOSPC],
  link: [EIO, ENOSPC],
  remove: [EIO],
  list: [EIO, EMFILE],
  syncDirectory: [EIO, EMFILE],
  identity: [EIO],
};

/** Once: the next call succeeds. Lasting: no call of a kind that can fail so succeeds any more. */
type Duration = "once" | "lasting";

/** A disk that works but for the calls from the `at`-th on, until it is repaired. */
class FailingDisk implements Witness {
  readonly operations: Operation[] = [];
  readonly #at: number;
  readonly #fault: Fault | null;
  readonly #duration: Duration;
  repaired = false;

  constructor(at = Infinity, fault: Fault | null = null, duration: Duration = "once") {
    this.#at = at;
    this.#fault = fault;
    this.#duration = duration;
  }

  readonly fault = (operation: Operation): Fault | null => {
    const index = this.operations.push(operation) - 1;
    if (this.repaired || index < this.#at) return null;
    if (this.#duration === "once" && index > this.#at) return null;
    const faults = FAULTS[operation.kind];
    return faults.find(({ code }) => code === this.#fault?.code) === undefined ? null : this.#fault;
  };
}

/** Opens; where the disk prevents that, it is repaired, and the next attempt must succeed. */
async function open(life: Life, disk: FailingDisk, keys: readonly string[]): Promise<void> {
  try {
    await life.open(keys);
  } catch (error) {
    if (!(error instanceof StoreError && error.code === "STORE_IO")) throw error;
    disk.repaired = true;
    await life.clock.advance(STALE_MS);
    await life.open(keys);
  }
}

/** Closes; where the disk prevents that, touches may be lost, however old. */
async function close(life: Life): Promise<void> {
  const { ledger } = life;
  try {
    await life.close();
  } catch (error) {
    if (!(error instanceof StoreError && error.code === "STORE_IO")) throw error;
    life.ledger = ledger.after(ledger.moment, 0);
  }
}

/** A life in which a disk fails, and is repaired before the collection is closed. */
async function live(life: Life, disk: FailingDisk, keys: readonly string[]): Promise<void> {
  const script = new Script(life, seededRandom(SEED));
  await open(life, disk, keys);
  await doEverything(life, script);
  await life.settle();
  await life.look();
  await close(life);
  await open(life, disk, keys);
  life.write([["again", script.session()]]);
  await life.settle();
  await life.look();

  disk.repaired = true;
  await life.clock.advance(BACK_OFF_MS);
  const { failedWrites, failedCompactions } = life;
  life.write([...life.ledger.sids()].map((sid) => [sid, script.session()]));
  await life.settle();
  life.write([["again", null]]);
  life.compact();
  life.touch("a", '{"path":"/repaired"}', life.clock.now() + BACK_OFF_MS);
  await life.settle();
  if (life.failedWrites + life.failedCompactions > failedWrites + failedCompactions) {
    life.violations.push("a repaired disk does not help");
  }
  await life.look();
  await life.close();
  await life.open(keys);
  await life.look();
  await life.close();
}

/** Calls that failed although the operation that did was none of theirs. */
function needlessFailures(
  life: Life,
  { kind, path }: Pick<Operation, "kind" | "path">,
  isShared: boolean,
): string[] {
  const compacts = kind === "syncDirectory" || /\.(?:json|tmp|lock|salt)$/.test(path);
  // Whether the lock is still its own is asked by an owner before each answer.
  const isFence = isShared && kind === "identity" && path.endsWith(".lock");
  const replaces = compacts && /^(?:rename|syncDirectory)$/.test(kind);
  const commits = path.endsWith(JOURNAL) || isFence || replaces;
  return [
    ...(life.failedWrites > 0 && !commits ? [`${life.failedWrites} writes fail`] : []),
    ...(life.failedCompactions > 0 && !compacts && !commits ? ["a compaction fails"] : []),
  ];
}

describe.for([
  ["plain", [], false],
  ["encrypted", [PASSWORD], false],
  ["under guests", [], true],
] as const)("%s: a disk that fails", ([, keys, isShared]) => {
  it.for(["once", "lasting"] as const)(
    "at each call in turn, %s",
    { timeout: TIMEOUT_MS },
    async (duration, context) => {
      const random = seededRandom(SEED);
      const healthy = new FailingDisk();
      const begin = (witness: Witness): Life =>
        new Life({ disk: new FaultDisk(), time: START, witness, isShared });
      await live(begin(healthy), healthy, keys);
      const violations: string[] = [];
      let faults = 0;
      for (const [at, { kind, path }] of healthy.operations.entries()) {
        for (const fault of FAULTS[kind]) {
          if (random.integer(EVERY) > 0) continue;
          faults++;
          const disk = new FailingDisk(at, fault, duration);
          const life = begin(disk);
          const error = await live(life, disk, keys).catch((thrown: unknown) => thrown);
          if (error !== undefined) life.violations.push(String((error as Error).stack));
          if (duration === "once") {
            life.violations.push(...needlessFailures(life, { kind, path }, isShared));
          }
          const story = `${fault.code} at ${kind} ${path} (${at})`;
          violations.push(...life.violations.map((what) => `${story}: ${what}`));
        }
      }
      expectNoViolations(context, "faults", faults, violations);
    },
  );
});
