/**
 * Owns the death of a guest's worker, and of an owner's when another process is quicker: what had been
 * sent may have been made, and others may have written since, so that it is not made again.
 */
import { existsSync, readFileSync } from "node:fs";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { isErrno } from "../../src/worker/ports/failure.js";
import { parseLock } from "../../src/worker/disk/lock/lock-record.js";
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
import { WatchedFiles } from "../support/watched-files.js";
import { threads } from "../support/worker/watched-workers.js";

vi.mock("node:worker_threads", async (original) => {
  const { watchWorkers } = await import("../support/worker/watched-workers.js");
  return watchWorkers(await original());
});

beforeEach(beginAnew);

const FAR = Date.UTC(2100, 0, 1);

/** Another thread may delete it at any moment. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return "";
    throw error;
  }
}

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

describe("a write that the owner's worker made, and died before it said so", () => {
  const SID = "poison gun 1";

  async function scene() {
    const directory = tempDirectory();
    const subject = host(fixture("exit-unanswered"), { directory });
    await subject.host.ready;
    const watched = new WatchedFiles();
    const guest = await openMember(directory, { environment: { files: watched.files } });
    const lock = subject.file("sessions.lock");
    const socket = (): string | null | undefined => parseLock(readIfThere(lock))?.socket;
    const before = socket();
    // The guest could be quicker than the owner's next worker, and take over itself.
    const taking = watched.hold(({ path }) => path === lock);
    onTestFinished(() => {
      taking.release();
    });
    const replaced = async (): Promise<void> => {
      await until(() => ![undefined, before].includes(socket()));
      taking.release();
    };
    return { subject, guest, replaced };
  }

  it("is made again before a guest can have seen it", async () => {
    const { subject, guest, replaced } = await scene();
    const written = subject.engine.write(sessions([SID, "1"]));
    await replaced();
    expect(deathsBy(subject, "gun")).toBe(1);
    await until(async () => (await texts(guest, SID))[0] !== null);
    expect(await guest.write([[SID]])).toEqual([1]);
    expect(await written).toEqual([1]);
    expect(await guest.get([SID])).toEqual([null]);
    expect(await subject.engine.get([SID])).toEqual([null]);
  });

  it("does not undo what a guest did because the main thread was blocked", async () => {
    const { subject, guest, replaced } = await scene();
    const written = subject.engine.write(sessions([SID, "1"]));
    const failed = expect(written).rejects.toMatchObject({ code: "STORE_UNCERTAIN" });
    // It does not hear of it before the guest has been answered.
    await until(() => threads.spawned.length === 2);
    const next = threads.spawned[1]!;
    const late: unknown[] = [];
    const emit = next.emit.bind(next);
    // Else it would not hear that it is to be closed.
    onTestFinished(() => void (next.emit = emit));
    next.emit = ((name: string, ...args: unknown[]) =>
      name === "message" ? late.push(...args) > 0 : emit(name, ...args)) as typeof next.emit;
    await replaced();
    await until(async () => (await texts(guest, SID))[0] !== null);
    expect(await guest.write([[SID]])).toEqual([1]);
    next.emit = emit;
    for (const message of late) emit("message", message);
    await failed;
    expect(await guest.get([SID])).toEqual([null]);
    // What is called now counts again.
    expect(await subject.engine.write(sessions([SID, "2"]))).toEqual([0]);
    expect(await texts(guest, SID)).toEqual([{ text: "2" }]);
  });
});

it("what a worker has answered before it died counts, though the main thread was blocked", async () => {
  const subject = host(fixture("exit-answered"));
  await subject.host.ready;
  const reads = Array.from({ length: 20 }, () => texts(subject.engine, "a"));
  const written = subject.engine.write(sessions(["poison gun 1", "1"]));
  // They are sent, and nothing comes in before the worker is gone.
  await Promise.resolve();
  while (!existsSync(subject.file("answered")));
  const end = performance.now() + 200;
  while (performance.now() < end);
  // A second time it would replace itself.
  expect(await written).toEqual([0]);
  expect(await Promise.all(reads)).toEqual(reads.map(() => [null]));
});
