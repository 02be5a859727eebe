/**
 * Owns the death of a guest's worker, and of an owner's when another process is quicker: what had been
 * sent may have been made, and others may have written since, so that it is not made again.
 */
import { beforeEach, expect, it, vi } from "vitest";
import { openMember } from "../support/members.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";
import {
  beginAnew,
  deathsBy,
  fixture,
  host,
  sessions,
  texts,
} from "../support/worker/mortal-host.js";

vi.mock("node:worker_threads", async (original) => {
  const { watchWorkers } = await import("../support/worker/watched-workers.js");
  return watchWorkers(await original());
});

beforeEach(beginAnew);

const FAR = Date.UTC(2100, 0, 1);

it("a write that a guest's worker died of is uncertain, and a read is made again", async () => {
  const directory = tempDirectory();
  const owner = await openMember(directory);
  const subject = host(fixture("exit"), { directory });
  await subject.host.ready;
  await owner.write(sessions(["a", "1"]));
  const poisoned = subject.engine.write(sessions(["poison gun 1", "1"]));
  const read = texts(subject.engine, "a");
  await expect(poisoned).rejects.toMatchObject({ code: "STORE_UNCERTAIN" });
  expect(await read).toEqual([{ text: "1" }]);
  expect(deathsBy(subject, "gun")).toBe(1);
  expect(await owner.get(["poison gun 1"])).toEqual([null]);
});

it("a touch is made again, and shortens no life", async () => {
  const directory = tempDirectory();
  const owner = await openMember(directory);
  const subject = host(fixture("exit"), { directory });
  await subject.host.ready;
  await owner.write([["poison gun 1", '{"n":1}', FAR]]);
  const touched = subject.engine.touch([["poison gun 1", '{"old":1}', FAR - 1]]);
  expect(await touched).toEqual([true]);
  expect(await owner.get(["poison gun 1"])).toEqual(['{"n":1}']);
});

it("a write that the owner's worker died of is made again if nobody was quicker", async () => {
  const subject = host(fixture("exit"), { directory: tempDirectory() });
  await subject.host.ready;
  expect(await subject.engine.write(sessions(["poison gun 1", "1"]))).toEqual([0]);
  expect(deathsBy(subject, "gun")).toBe(1);
});

it("calls of guests are answered while the worker of the owner is replaced", async () => {
  const directory = tempDirectory();
  const subject = host(fixture("exit"), { directory });
  await subject.host.ready;
  const guest = await openMember(directory);
  await guest.write(sessions(["a", "1"]));
  const settled = subject.engine.write(sessions(["poison gun 1", "1"])).catch(() => null);
  expect(await until(async () => (await texts(guest, "a")).length === 1)).toBe(true);
  await guest.write(sessions(["a", "2"]));
  await settled;
  expect(await texts(subject.engine, "a")).toEqual([{ text: "2" }]);
});
