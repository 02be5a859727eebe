/** Owns who may join whom, and what an owner that loses its lock answers. */
import {
  chmodSync,
  cpSync,
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Engine } from "../../src/protocol/contract.js";
import type { Files } from "../../src/worker/ports/files.js";
import { nodeFiles } from "../../src/worker/ports/node-files.js";
import { systemClock } from "../../src/worker/ports/clock.js";
import { systemProcesses } from "../../src/worker/ports/process-table.js";
import { nodeSockets } from "../../src/worker/ports/sockets.js";
import { encodeFrame } from "../../src/worker/share/frames.js";
import { Kind } from "../../src/worker/share/messages.js";
import { fasterClock } from "../support/faster-clock.js";
import { ManualClock } from "../support/manual-clock.js";
import { openMember, sharingOf } from "../support/members.js";
import { openWorld } from "../support/engine-world.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";

const FAR = Date.UTC(2100, 0, 1);
const KEY = "a key of the test's own";
const ONE = '{"n":1}';

function put(engine: Engine, sid: string, json = ONE) {
  return engine.write([[sid, json, FAR]]);
}

function socketIn(directory: string): string {
  const name = readdirSync(directory).find((found) => found.endsWith(".sock"));
  if (name === undefined) throw new Error("there is no socket");
  return name;
}

describe("a second store", () => {
  it("joins, and both see what either has stored", async () => {
    const directory = tempDirectory();
    const owner = await openMember(directory);
    const guest = await openMember(directory);
    expect(await put(guest, "a")).toEqual([0]);
    expect(await owner.get(["a"])).toEqual([ONE]);
    expect(await owner.write([["a"]])).toEqual([1]);
    expect(await guest.get(["a"])).toEqual([null]);
    const pid = process.pid;
    expect(await sharingOf(owner)).toMatchObject({ role: "owner", owner: { pid }, guests: 1 });
    expect(await sharingOf(guest)).toMatchObject({ role: "guest", owner: { pid }, guests: 1 });
  });

  it.each([
    ["another key", [KEY], ["another key of the test"]],
    ["no key where there is one", [KEY], []],
    ["a key where there is none", [], [KEY]],
  ])("with %s does not", async (_, first, second) => {
    const directory = tempDirectory();
    const owner = await openMember(directory, { config: { encryptionKeys: first } });
    await put(owner, "a");
    const refused = openMember(directory, { config: { encryptionKeys: second } });
    await expect(refused).rejects.toMatchObject({ code: "STORE_KEY_MISMATCH" });
    expect(await owner.get(["a"])).toEqual([ONE]);
  });

  it("with one of several keys does", async () => {
    const directory = tempDirectory();
    await put(await openMember(directory, { config: { encryptionKeys: [KEY] } }), "a");
    const both = { encryptionKeys: ["a newer key of the test", KEY] };
    const guest = await openMember(directory, { config: both });
    expect(await guest.get(["a"])).toEqual([ONE]);
  });

  it("that does not share is told so, and so is one that meets it", async () => {
    const directory = tempDirectory();
    await openMember(directory);
    const environment = { processes: systemProcesses(), clock: systemClock };
    const alone = openWorld(directory, environment);
    await expect(alone).rejects.toMatchObject({ code: "STORE_LOCKED" });
    const other = tempDirectory();
    await openWorld(other, environment);
    await expect(openMember(other)).rejects.toMatchObject({ code: "STORE_LOCKED" });
  });

  it("wants its writes fsynced, and they are, whatever the owner wants", async () => {
    const directory = tempDirectory();
    let synced = 0;
    const files: Files = {
      ...nodeFiles,
      async open(path, mode) {
        const file = await nodeFiles.open(path, mode);
        const writeThrough = file.writeThrough.bind(file);
        file.writeThrough = (...args) => (synced++, writeThrough(...args));
        return file;
      },
    };
    const owner = await openMember(directory, {
      config: { durable: false },
      environment: { files },
    });
    await put(owner, "a");
    expect(synced).toBe(0);
    await put(await openMember(directory), "b");
    expect(synced).toBe(1);
  });
});

describe("a connection on which somebody else speaks", () => {
  it.each<[string, Buffer]>([
    ["a call before the handshake", encodeFrame(Kind.call, Buffer.from("x"))],
    ["a proof that is none", encodeFrame(Kind.proof, Buffer.from('{"nonce":1}'))],
    ["a proof that is no JSON", encodeFrame(Kind.proof, Buffer.from("{"))],
    ["a frame that is too long", Buffer.from([0, 16, 0, 0, 1])],
    ["bytes", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
  ])("%s is ended, and the owner goes on", async (_, bytes) => {
    const directory = tempDirectory();
    // It does not wait for the time that a handshake may take.
    const owner = await openMember(directory, { environment: { clock: new ManualClock() } });
    const socket = await nodeSockets.connect(directory, socketIn(directory));
    socket.on("error", () => undefined);
    socket.resume();
    const ended = new Promise((resolve) => socket.once("close", resolve));
    socket.once("end", () => socket.end());
    socket.write(bytes);
    await ended;
    const guest = await openMember(directory);
    await put(guest, "a");
    expect(await owner.get(["a"])).toEqual([ONE]);
  });
});

describe("an owner whose lock another takes", () => {
  /** Deletes the lock as soon as a commit has been fsynced. */
  function robbing(directory: string, state: { robs: boolean }): Files {
    return {
      ...nodeFiles,
      async open(path, mode) {
        const file = await nodeFiles.open(path, mode);
        const writeThrough = file.writeThrough.bind(file);
        file.writeThrough = async (...args) => {
          await writeThrough(...args);
          if (state.robs) rmSync(join(directory, "sessions.lock"));
          state.robs = false;
        };
        return file;
      },
    };
  }

  it("between an fsync and the answer, does not acknowledge what it wrote", async () => {
    const directory = tempDirectory();
    const state = { robs: false };
    const files = robbing(directory, state);
    const owner = await openMember(directory, { environment: { files } });
    await put(owner, "a");
    state.robs = true;
    expect(await put(owner, "b")).toMatchObject([{ code: "STORE_UNCERTAIN" }]);
    expect(await owner.get(["a"])).toEqual([ONE]);
    expect((await sharingOf(owner)).elections).toBeGreaterThan(1);
  });

  it("has its guests' writes executed once by the next", async () => {
    const directory = tempDirectory();
    const state = { robs: false };
    const files = robbing(directory, state);
    await openMember(directory, { environment: { files } });
    const guest = await openMember(directory);
    await put(guest, "a");
    state.robs = true;
    expect(await put(guest, "b")).toEqual([0]);
    expect(await put(guest, "a", '{"n":2}')).toEqual([1]);
    expect(await guest.get(["a", "b"])).toEqual(['{"n":2}', ONE]);
  });
});

it("a directory that was copied while it was in use joins nobody, and opens", async () => {
  const directory = tempDirectory();
  const owner = await openMember(directory);
  await put(owner, "a");
  const copy = join(tempDirectory(), "copy");
  cpSync(directory, copy, { recursive: true, filter: (path) => !path.endsWith(".sock") });
  // It waits until it knows that nobody has it.
  const other = await openMember(copy, { environment: { clock: fasterClock() } });
  await put(other, "b");
  expect(await other.get(["a", "b"])).toEqual([ONE, ONE]);
  expect(await owner.get(["b"])).toEqual([null]);
  expect(await sharingOf(owner)).toMatchObject({ guests: 0 });
}, 30_000);

it("an owner removes the sockets that killed ones have left, and no other", async () => {
  const directory = tempDirectory();
  const leftover = join(directory, "sessions.0123abcd.sock");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${leftover}.made`, resolve));
  // Closing removes the first name: the other one is that of a socket that nobody has open.
  linkSync(`${leftover}.made`, leftover);
  chmodSync(leftover, 0o600);
  await new Promise((resolve) => server.close(resolve));
  const { pid, host } = systemProcesses();
  const address = { socket: "sessions.0123abcd.sock", secret: "00".repeat(32) };
  const record = { pid, ts: Date.now(), host, owner: "one that was killed", ...address };
  writeFileSync(join(directory, "sessions.lock"), JSON.stringify(record), { mode: 0o600 });
  const owner = await openMember(directory, { environment: { clock: fasterClock() } });
  await until(() => !existsSync(leftover));
  expect(socketIn(directory)).not.toBe("sessions.0123abcd.sock");
  await openMember(directory);
  expect((await sharingOf(owner)).guests).toBe(1);
});

it("an idle pair writes nothing", async () => {
  const directory = tempDirectory();
  let writes = 0;
  const files: Files = {
    ...nodeFiles,
    async open(path, mode) {
      const file = await nodeFiles.open(path, mode);
      const write = file.write.bind(file);
      file.write = (...args) => (writes++, write(...args));
      return file;
    },
  };
  const clock = fasterClock();
  const owner = await openMember(directory, { environment: { files, clock } });
  const guest = await openMember(directory, { environment: { files, clock } });
  await put(guest, "a");
  const lock = (): string => readFileSync(join(directory, "sessions.lock"), "utf8");
  // The heartbeat that the last call asked for.
  const before = lock();
  await until(() => lock() !== before);
  const count = writes;
  // Longer than any of their intervals.
  const end = clock.monotonic() + 12_000;
  await until(() => clock.monotonic() > end);
  expect(writes).toBe(count);
  expect(await guest.get(["a"])).toEqual([ONE]);
  expect(await owner.get(["a"])).toEqual([ONE]);
}, 30_000);

it("records of guests are read by what knows nothing of them", async () => {
  const directory = tempDirectory();
  await openMember(directory);
  const guest = await openMember(directory);
  await put(guest, "a");
  await guest.write([["none"]]);
  await put(guest, "b");
  const lines = readFileSync(join(directory, "sessions.wal.log"), "utf8").trim().split("\n");
  const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(records.map(({ op, id }) => [op, id])).toEqual([
    ["insert", "a"],
    ["insert", "b"],
    ["update", ""],
  ]);
});
