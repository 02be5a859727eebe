/** Owns what holds where stores that share a collection have different options. */
import { describe, expect, it } from "vitest";
import type { StoreError } from "../../src/protocol/errors.js";
import type { Engine } from "../../src/protocol/contract.js";
import { ManualClock } from "../support/manual-clock.js";
import { openMember } from "../support/members.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";
import { on, WatchedFiles } from "../support/watched-files.js";

const FAR = Date.UTC(2100, 0, 1);
const HOUR_MS = 3_600_000;

function put(engine: Engine, sid: string) {
  return engine.write([[sid, '{"n":1}', FAR, "put", "ann"]]);
}

/** When the sessions of the user end, by id. */
async function endings(engine: Engine): Promise<Record<string, number>> {
  const found = await engine.sessionsOf("ann");
  return Object.fromEntries(found.map(([sid, , , expiresAt]) => [sid, expiresAt]));
}

describe("the shortest absoluteTtl", () => {
  it("holds for the sessions of all stores, also for those stored before, and is not forgotten", async () => {
    const directory = tempDirectory();
    const clock = new ManualClock();
    const environment = { clock };
    const config = { absoluteTtlMs: HOUR_MS };
    const owner = await openMember(directory, { environment });
    await put(owner, "before");
    const guest = await openMember(directory, { environment, config });
    const end = clock.now() + HOUR_MS;
    await until(async () => (await endings(owner))["before"] === end);
    await put(owner, "after");
    await put(guest, "a guest's");
    await guest.close();
    await put(owner, "later");
    expect(await endings(owner)).toEqual({
      ...{ before: end, after: end },
      ...{ "a guest's": end, later: end },
    });
  });

  it("may be the owner's", async () => {
    const directory = tempDirectory();
    const clock = new ManualClock();
    const environment = { clock };
    await openMember(directory, { environment, config: { absoluteTtlMs: HOUR_MS } });
    const guest = await openMember(directory, {
      environment,
      config: { absoluteTtlMs: 5 * HOUR_MS },
    });
    await put(guest, "a");
    expect(await endings(guest)).toEqual({ a: clock.now() + HOUR_MS });
  });

  it("holds before the store that asks for it is answered, whatever is being written", async () => {
    const directory = tempDirectory();
    const clock = new ManualClock();
    const watched = new WatchedFiles();
    const environment = { clock, files: watched.files };
    const config = { absoluteTtlMs: 10 * HOUR_MS };
    const owner = await openMember(directory, { environment, config });
    await put(owner, "old");
    clock.jump(2 * HOUR_MS);
    await owner.stats();
    const held = watched.hold(on("sync", ".wal.log"));
    const pending = put(owner, "pending");
    await until(() => held.waiting > 0);
    const strict = { absoluteTtlMs: HOUR_MS };
    const guests = await Promise.all(
      [1, 2].map(() => openMember(directory, { environment: { clock }, config: strict })),
    );
    const limited = { pending: clock.now() + HOUR_MS };
    expect(await Promise.all(guests.map(endings))).toEqual([limited, limited]);
    expect(await guests[0]!.get(["old"])).toEqual([null]);
    held.release();
    await pending;
    expect(await endings(owner)).toEqual(limited);
  });

  it("holds before the store that asks for it is answered, however many sessions there are", async () => {
    const directory = tempDirectory();
    const clock = new ManualClock();
    const environment = { clock };
    const config = { absoluteTtlMs: 10 * HOUR_MS };
    const owner = await openMember(directory, { environment, config });
    const sids = Array.from({ length: 40_000 }, (_, index) => `sid ${index}`);
    await owner.write(sids.map((sid) => [sid, "{}", FAR]));
    clock.jump(2 * HOUR_MS);
    await owner.stats();
    const strict = { absoluteTtlMs: HOUR_MS };
    const guest = await openMember(directory, { environment, config: strict });
    expect(await guest.get(sids.slice(-1))).toEqual([null]);
  });

  it("holds for what waits for a disk that stands still", async () => {
    const directory = tempDirectory();
    const clock = new ManualClock();
    const watched = new WatchedFiles();
    const owner = await openMember(directory, { environment: { clock, files: watched.files } });
    const held = watched.hold(on("sync", ".wal.log"));
    const given = put(owner, "given");
    await until(() => held.waiting > 0);
    await clock.advance(10_000);
    expect(await given).toMatchObject([{ code: "STORE_UNCERTAIN" }]);
    const waiting = put(owner, "waiting");
    await openMember(directory, {
      environment: { clock },
      config: { absoluteTtlMs: HOUR_MS },
    });
    await owner.stats();
    const end = clock.now() + HOUR_MS;
    held.release();
    await clock.advance(0);
    expect(await waiting).toEqual([0]);
    expect(await endings(owner)).toEqual({ waiting: end });
  });

  it("needs to be known by no session that was stored without one", async () => {
    const directory = tempDirectory();
    const clock = new ManualClock();
    const owner = await openMember(directory, { environment: { clock } });
    await put(owner, "a");
    expect((await owner.sessionsOf("ann"))[0]![2]).toBe(0);
    await openMember(directory, { environment: { clock }, config: { hasUsers: true } });
    await until(async () => (await owner.sessionsOf("ann"))[0]![2] === clock.now());
  });
});

describe("options of a guest that are not the owner's", () => {
  it("are reported, once", async () => {
    const directory = tempDirectory();
    const reports: StoreError[] = [];
    const config = { absoluteTtlMs: HOUR_MS, gcIntervalMs: 5000 };
    const first = await openMember(directory);
    const second = await openMember(directory);
    await openMember(directory, { config, reports });
    await first.close();
    await second.length();
    expect(reports.map(({ code }) => code)).toEqual(["OPTIONS_DIFFER"]);
    const [{ message }] = reports as [StoreError];
    expect(message).toContain(`process ${process.pid}`);
    expect(message).toContain("absoluteTtl (3600 here, not set there)");
    expect(message).toContain(`gcInterval (5000 here, ${2 ** 40} there)`);
    expect(message).not.toContain("walLimit");
  });

  it("are none where they are the same", async () => {
    const directory = tempDirectory();
    const reports: StoreError[] = [];
    await openMember(directory, { reports });
    await (await openMember(directory, { reports })).length();
    expect(reports).toEqual([]);
  });
});
