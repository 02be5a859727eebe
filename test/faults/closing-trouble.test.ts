/**
 * Owns closing on a disk in trouble: what was acknowledged is on the disk or the failure is said,
 * and all is let go of either way.
 */
import { describe, expect, it } from "vitest";

import type { Operation } from "../support/power/operations.js";
import { JOURNAL, Life } from "../support/power/life.js";
import { LATER, lifeWithTrouble, one, read, START, write } from "../support/power/trouble.js";
import { seededRandom, SEED } from "../support/random.js";

describe("closing", () => {
  it.for([true, false])(
    "after a failed fsync brings all to the disk, durable %s",
    async (durable) => {
      const [life, trouble] = await lifeWithTrouble({ config: { durable } });
      await write(life, "a", one);
      trouble.next("sync", { code: "EIO" });
      await life.engine.close();
      expect(trouble.when).toBeNull();
      const disk = life.disk.after("nothing", seededRandom(SEED));
      const next = new Life({ disk, time: START + 11_000 });
      await next.open([]);
      expect(await next.engine.ids()).toEqual(["a"]);
      await next.close();
    },
  );

  it("says why it could not", async () => {
    const [life, trouble] = await lifeWithTrouble();
    await write(life, "a", one);
    life.touch("a", '{"path":"/"}', LATER);
    trouble.when = ({ kind, path }) =>
      kind === "sync" || path.endsWith(".tmp") ? { code: "EIO" } : null;
    await expect(life.engine.close()).rejects.toMatchObject({
      code: "STORE_IO",
      cause: { code: "STORE_IO", cause: { code: "EIO" } },
    });
  });

  it("journals touches, or says that it could not", async () => {
    const [life, trouble] = await lifeWithTrouble();
    await write(life, "a", one);
    life.touch("a", '{"path":"/"}', LATER);
    trouble.next("write", { code: "ENOSPC" });
    const { ledger } = life;
    try {
      await life.close();
    } catch (error) {
      expect(error).toMatchObject({ name: "StoreError", code: "STORE_IO" });
      life.ledger = ledger.after(ledger.moment, life.clock.now());
    }
    await life.open();
    await life.close();
    expect(life.violations).toEqual([]);
  });

  it("journals touches that were made while a commit was under way", async () => {
    const [life] = await lifeWithTrouble();
    await write(life, "a", one);
    life.write([["b", one]]);
    life.touch("a", '{"path":"/"}', LATER);
    await life.close();
    await life.open();
    await life.close();
    expect(life.violations).toEqual([]);
  });

  it("is the end of it, even if the last record makes a compaction due", async () => {
    const [life] = await lifeWithTrouble({ config: { walLimitBytes: 200 } });
    await write(life, "a", one);
    life.touch("a", '{"path":"/long enough to pass the limit"}', LATER);
    // Among the violations is any use of a file afterwards.
    await life.close();
    expect(life.violations).toEqual([]);
  });

  it.for<[Operation["kind"], string]>([
    ["close", JOURNAL],
    ["identity", "sessions.lock"],
    ["remove", "sessions.lock"],
  ])("with a failing %s of %s is reported, and lets go of all", async ([kind, file]) => {
    const [life, trouble] = await lifeWithTrouble();
    await write(life, "a", one);
    trouble.next(kind, { code: "EIO" }, file);
    await expect(life.close()).rejects.toMatchObject({ name: "StoreError", code: "STORE_IO" });
    // Both by another process and, where a lock was left, at once.
    await life.open();
    expect(await read(life, "a")).toBe(one.json);
    await life.close();
    expect(life.violations).toEqual([]);
  });
});
