/**
 * Owns single stories of a disk in trouble, each in a few lines: what exactly fails, what reads see
 * meanwhile, and what it takes to go on. `closing-trouble.test.ts` has those of closing;
 * `failing-disk.test.ts` makes every call fail in turn.
 */
import { describe, expect, it, vi } from "vitest";

import { diskStats } from "../support/engine-world.js";
import { FaultDisk } from "../support/power/fault-disk.js";
import { FaultFiles } from "../support/power/fault-files.js";
import { DIRECTORY, JOURNAL, Life, SNAPSHOT } from "../support/power/life.js";
import { changesDisk, type Fault, type Operation } from "../support/power/operations.js";
import { quarantineOf } from "../support/power/recovery.js";
import {
  lifeWithTrouble,
  one,
  read,
  START,
  Trouble,
  two,
  write,
} from "../support/power/trouble.js";
import { CUTS } from "../support/power/unsynced.js";
import { seededRandom, SEED } from "../support/random.js";

vi.mock("node:crypto", async (original) => {
  const { withFastPbkdf2 } = await import("../support/fast-pbkdf2.js");
  return withFastPbkdf2(await original());
});

describe("a write that fails", () => {
  it.for<[string, Operation["kind"], Fault]>([
    ["on a full disk", "write", { code: "ENOSPC" }],
    ["on a disk that fills up", "write", { code: "ENOSPC", share: 0.5 }],
    ["on a broken disk", "write", { code: "EIO", share: 0.9 }],
    ["in its fsync", "sync", { code: "EIO" }],
  ])("%s shows what was before, and fails alone", async ([, kind, fault]) => {
    const [life, trouble] = await lifeWithTrouble();
    expect(await write(life, "a", one)).toBe(0);
    trouble.next(kind, fault);
    expect(await write(life, "a", two)).toBe("STORE_IO");
    expect(await read(life, "a")).toBe(one.json);
    await life.clock.advance(0);
    expect(await write(life, "b", two)).toBe(0);
    expect(await write(life, "a", null)).toBe(1);
    await life.close();
    await life.open();
    expect(await life.engine.ids()).toEqual(["b"]);
    await life.close();
    expect(life.violations).toEqual([]);
  });

  it("leaves nothing behind that a later record would be glued to", async () => {
    const [life, trouble] = await lifeWithTrouble();
    // Half a record that cannot be cut off either: nothing may be appended behind it.
    trouble.when = ({ kind, path }) =>
      !path.endsWith(JOURNAL) || (kind !== "write" && kind !== "truncate")
        ? null
        : { code: "EIO", share: 0.5 };
    expect(await write(life, "a", one)).toBe("STORE_IO");
    expect(await write(life, "b", one)).toBe("STORE_IO");
    trouble.when = null;
    await life.clock.advance(1000);
    expect(await write(life, "c", one)).toBe(0);
    await life.close();
    await life.open();
    expect(await life.engine.ids()).toEqual(["c"]);
    expect(await diskStats(life.engine)).toMatchObject({ quarantined: 0 });
    await life.close();
    expect(life.violations).toEqual([]);
  });

  it.for<[Operation["kind"], Fault]>([
    // The first two records are in the file, and the one that follows is as long as the first.
    ["write", { code: "ENOSPC", share: 0.7 }],
    ["sync", { code: "EIO" }],
  ])("in its %s leaves none of its records behind", async ([kind, fault]) => {
    const [life, trouble] = await lifeWithTrouble();
    trouble.next(kind, fault);
    life.write(["a", "b", "c"].map((sid) => [sid, one]));
    await life.settle();
    await life.clock.advance(0);
    expect(await write(life, "d", one)).toBe(0);
    await life.close();
    await life.open();
    expect(await life.engine.ids()).toEqual(["d"]);
    await life.close();
    expect(quarantineOf(life.disk)).toBe("");
    expect(life.violations).toEqual([]);
  });

  it("does not come back after a destroy that was acknowledged", async () => {
    const [life, trouble] = await lifeWithTrouble();
    // The record is in the journal, and nobody can say whether on the disk.
    trouble.when = ({ kind }) => (kind === "sync" ? { code: "EIO" } : null);
    expect(await write(life, "a", one)).toBe("STORE_IO");
    const destroyed = await life.clock.advanceUntil(write(life, "a", null));
    const after = life.disk.after("everything", seededRandom(SEED));
    life.kill();
    const next = new Life({ disk: after, time: START + 11_000 });
    await next.open([]);
    const found = await next.engine.ids();
    await next.close();
    // It may have been refused; if it was not, it holds.
    expect(destroyed === 0 && found.length > 0).toBe(false);
  });
});

describe("while the journal cannot be trusted", () => {
  /** One fsync fails, and no new files can be made until the test says so. */
  async function distrusted(): Promise<[Life, mend: () => void]> {
    const [life, trouble] = await lifeWithTrouble();
    expect(await write(life, "a", one)).toBe(0);
    let failed = false;
    trouble.when = ({ kind, path }) => {
      if (path.endsWith(".tmp")) return { code: "ENOSPC" };
      if (failed || kind !== "sync" || !path.endsWith(JOURNAL)) return null;
      failed = true;
      return { code: "EIO" };
    };
    expect(await write(life, "b", one)).toBe("STORE_IO");
    return [life, () => (trouble.when = null)];
  }

  it("a logout waits, and is done when it can be", async () => {
    const [life, mend] = await distrusted();
    const outcomes = life.engine.write([["c", one.json, one.expiresAt], ["a"], ["b"]]);
    expect(await life.engine.get(["a"])).toEqual([null]);
    await life.clock.advance(5_000);
    mend();
    expect(await life.clock.advanceUntil(outcomes)).toMatchObject([{ code: "STORE_IO" }, 1, 0]);
    life.kill();
    await life.clock.advance(11_000);
    const next = new Life({ disk: life.disk, time: life.clock.now() });
    await next.open([]);
    expect(await next.engine.ids()).toEqual([]);
    await next.close();
  });

  it("a logout that would wait for too long fails, and all that is stored at once", async () => {
    const [life] = await distrusted();
    const from = life.clock.now();
    expect(await write(life, "a", two)).toBe("STORE_IO");
    expect(life.clock.now()).toBe(from);
    expect(await life.clock.advanceUntil(write(life, "a", null))).toBe("STORE_IO");
    expect(life.clock.now()).toBe(from + 10_000);
    expect(await read(life, "a")).toBe(one.json);
    life.kill();
  });

  it("closing ends what waits", async () => {
    const [life, mend] = await distrusted();
    const failing = write(life, "a", null);
    await life.engine.close().catch(() => undefined);
    expect(await failing).toBe("STORE_IO");
    mend();
    await life.clock.advance(11_000);
    await life.open();
    expect(await read(life, "a")).toBe(one.json);
    await life.close();
  });
});

describe("a record that was refused and cut off", () => {
  it.for(CUTS)("after a failed fsync stays away after a crash that keeps %s", async (cut) => {
    const [life, trouble] = await lifeWithTrouble();
    expect(await write(life, "a", one)).toBe(0);
    let failed = false;
    // One fsync fails, and the journal cannot be replaced.
    trouble.when = ({ kind, path }) => {
      if (path.endsWith(".tmp")) return { code: "EIO" };
      if (failed || kind !== "sync" || !path.endsWith(JOURNAL)) return null;
      failed = true;
      return { code: "EIO" };
    };
    life.write([
      ["a", two],
      ["b", two],
    ]);
    await life.settle();
    expect(life.failedWrites).toBe(1);
    const disk = life.disk.after(cut, seededRandom(SEED));
    const next = new Life({ disk, time: START + 11_000 });
    await next.open([]);
    expect(await next.engine.ids()).toEqual(["a"]);
    expect(await read(next, "a")).toBe(one.json);
    await next.close();
  });

  it.for(["destroy", "clear"])("does not come back after a %s", async (way) => {
    const [life, trouble] = await lifeWithTrouble();
    trouble.next("write", { code: "ENOSPC", share: 1 });
    expect(await write(life, "a", one)).toBe("STORE_IO");
    if (way === "clear") expect(await life.engine.clear()).toBe(0);
    else expect(await write(life, "a", null)).toBe(0);
    for (const cut of CUTS) {
      const disk = life.disk.after(cut, seededRandom(SEED));
      const next = new Life({ disk, time: START + 11_000 });
      await next.open([]);
      expect(await next.engine.ids()).toEqual([]);
      await next.close();
    }
  });
});

it("clear deletes what is being deleted, too: that may fail", async () => {
  const [life, trouble] = await lifeWithTrouble();
  await write(life, "a", one);
  trouble.next("write", { code: "ENOSPC" });
  const [destroyed, cleared] = await Promise.all([write(life, "a", null), life.engine.clear()]);
  expect(destroyed).toBe("STORE_IO");
  expect(cleared).toBe(0);
  expect(await life.engine.ids()).toEqual([]);
});

it("a process that has no descriptor left for 20 s stores what it is asked to", async () => {
  const [life, trouble] = await lifeWithTrouble();
  trouble.when = ({ kind }) =>
    /^(?:open|list|syncDirectory)$/.test(kind) ? { code: "EMFILE" } : null;
  for (let second = 0; second < 20; second++) {
    await life.clock.advance(1000);
    expect(await write(life, `${second}`, one)).toBe(0);
  }
  trouble.when = null;
  await life.close();
  await life.open();
  await life.close();
  expect(life.violations).toEqual([]);
});

describe("opening", () => {
  it("does not fail over a temporary file that cannot be removed", async () => {
    const trouble = new Trouble();
    trouble.when = ({ kind, path }) =>
      kind === "remove" && /lock\.[0-9a-f]+\.tmp$/.test(path) ? { code: "EIO" } : null;
    const life = new Life({ disk: new FaultDisk(), time: START, witness: trouble });
    await life.open([]);
    await life.close();
    expect(life.violations).toEqual([]);
  });

  it("that fails leaves no salt of its own behind", async () => {
    const trouble = new Trouble();
    const salted = (path: string): boolean => path.includes(".db.salt.");
    trouble.when = ({ kind, path }) =>
      kind === "write" && salted(path) ? { code: "ENOSPC" } : null;
    const life = new Life({ disk: new FaultDisk(), time: START, witness: trouble });
    await expect(life.open(["a password of some length"])).rejects.toMatchObject({
      code: "STORE_IO",
    });
    expect(life.disk.list(DIRECTORY).filter(([name]) => name !== JOURNAL)).toEqual([]);
  });
});

const PLAIN_OR_NOT: [name: string, keys: string[]][] = [
  ["plain", []],
  ["encrypted", ["a password of some length"]],
];

const WHOLE = '{"_id":"y","sess":{},"expiresAt":4102444800000}';

describe.each(PLAIN_OR_NOT)("a collection that cannot be compacted, %s", (_, keys) => {
  const withDamage = (): FaultDisk => {
    const files = {
      [SNAPSHOT]: `{"version":1,"ts":2,"docs":[["x",{"half],["y",${WHOLE}]]}`,
      [JOURNAL]: '{"op":"insert","ts":1,"id":"damaged","doc":{"_id":\n',
    };
    return FaultDisk.with(DIRECTORY, files);
  };

  it("sets its damage aside once, however often it is opened", async () => {
    const trouble = new Trouble();
    trouble.when = ({ kind, path }) =>
      kind === "write" && path.endsWith(`${SNAPSHOT}.tmp`) ? { code: "ENOSPC" } : null;
    const life = new Life({ disk: withDamage(), time: START, witness: trouble });
    const kept = new Set<string>();
    for (let opening = 0; opening < 4; opening++) {
      await life.open(keys).catch(() => undefined);
      kept.add(quarantineOf(life.disk));
      life.kill();
      await life.clock.advance(11_000);
    }
    expect([...kept]).toEqual([expect.stringMatching(/^sessions\.quarantine\.\w+\.log \d+$/)]);
  });
});

describe("what a crash left half written", () => {
  const leftovers = {
    [`${SNAPSHOT}.tmp`]: "half a snapshot",
    [`${JOURNAL}.tmp`]: "half a journal",
    ["sessions.quarantine.log.tmp"]: "half a quarantine",
    [".db.salt.sessions.tmp"]: "half a salt",
  };

  it.for(PLAIN_OR_NOT)("is removed by opening, %s", async ([, keys]) => {
    const salt = { ".db.salt": "5a".repeat(32) };
    const disk = FaultDisk.with(DIRECTORY, { ...salt, ...leftovers });
    const life = new Life({ disk, time: START });
    await life.open(keys);
    await life.close();
    expect(
      disk
        .list(DIRECTORY)
        .map(([name]) => name)
        .sort(),
    ).toEqual([".db.salt", JOURNAL]);
    expect(life.violations).toEqual([]);
  });
});

it("a lock that was taken away ends all writing, compactions too", async () => {
  const [life, trouble] = await lifeWithTrouble();
  await write(life, "a", one);
  const other = new FaultFiles(life.disk);
  await other.remove(`${DIRECTORY}/sessions.lock`);
  const lock = await other.open(`${DIRECTORY}/sessions.lock`, "create");
  const record = { pid: 1, ts: START, host: "elsewhere", owner: "another" };
  await lock.write(Buffer.from(JSON.stringify(record)), 0);
  await life.clock.advance(3000);
  // The temporary files, too, may be the new owner's.
  const changes: string[] = [];
  trouble.when = (operation) => {
    if (changesDisk(operation) && !operation.path.endsWith(".lock")) {
      changes.push(`${operation.kind} ${operation.path}`);
    }
    return null;
  };
  expect(await write(life, "b", one)).toBe("STORE_LOCKED");
  await expect(life.engine.compact()).rejects.toMatchObject({ code: "STORE_LOCKED" });
  expect(await write(life, "b", one)).toBe("STORE_LOCKED");
  expect(changes).toEqual([]);
  expect(await read(life, "a")).toBe(one.json);
  await life.close();
  expect(life.violations).toEqual([]);
});
