/** Owns which locks and sockets a store does not use: those that may be somebody else's. */
import { chmodSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parseLock } from "../../src/worker/disk/lock/lock-record.js";
import { systemClock } from "../../src/worker/ports/clock.js";
import { errno } from "../../src/worker/ports/failure.js";
import { nodeFiles } from "../../src/worker/ports/node-files.js";
import { nodeSockets, type Sockets } from "../../src/worker/ports/sockets.js";
import { sharedKeys } from "../../src/worker/share/handshake.js";
import { MeetingPlace } from "../../src/worker/share/meeting-place.js";
import { tempDirectory } from "../support/temp-dir.js";

const SOCKET = "sessions.0123abcd.sock";

function refused(code: string): Promise<Socket> {
  return Promise.reject(errno(code, "connect", "nobody is there"));
}

/** What comes of the attempt to reach the owner of a lock, and how often it was connected to. */
async function reach(
  socket: string,
  change: (lock: string) => void = () => undefined,
  connection = (): Promise<Socket> => refused("ECONNREFUSED"),
  keys = sharedKeys([]),
) {
  const directory = tempDirectory();
  const lock = join(directory, "sessions.lock");
  const text = JSON.stringify({ pid: 1, ts: 1, host: "here", socket, secret: "00" });
  writeFileSync(lock, text, { mode: 0o600 });
  change(lock);
  let connects = 0;
  const sockets: Sockets = {
    ...nodeSockets,
    connect() {
      connects++;
      return connection();
    },
  };
  const place = new MeetingPlace({
    files: nodeFiles,
    sockets,
    clock: systemClock,
    processes: { pid: process.pid, host: "here" },
    directory,
    collection: "sessions",
    needs: { durable: true, absoluteTtlMs: null, hasUsers: false },
    options: "{}",
    keys,
    log: () => undefined,
    report: () => undefined,
    onAnswer: () => undefined,
    onOpen: () => undefined,
    onEnd: () => undefined,
    isWaiting: () => false,
    isClosed: () => false,
  });
  return { reached: await place.reach(parseLock(text) as never, "1:1"), connects };
}

it("a lock of this user's own leads to the socket that it names", async () => {
  expect(await reach(SOCKET)).toEqual({ reached: "gone", connects: 1 });
});

it.each<[string, (lock: string) => void]>([
  ["that others may read", (lock) => chmodSync(lock, 0o644)],
  [
    "that is a link",
    (lock) => {
      renameSync(lock, `${lock}.elsewhere`);
      symlinkSync(`${lock}.elsewhere`, lock);
    },
  ],
])("a lock %s leads nowhere", async (_, change) => {
  expect(await reach(SOCKET, change)).toEqual({ reached: "absent", connects: 0 });
});

it.each(["../sessions.0123abcd.sock", "/tmp/x.sock", "other.0123abcd.sock", "sessions.lock"])(
  "a lock that names %s leads nowhere",
  async (socket) => {
    expect(await reach(socket)).toEqual({ reached: "absent", connects: 0 });
  },
);

it("an owner is not taken for dead for want of a descriptor", async () => {
  const reached = reach(SOCKET, undefined, () => refused("EMFILE"));
  expect(await reached).toMatchObject({ reached: "alive" });
});

it("an owner may die while the keys are derived, before it has taken the connection", async () => {
  const reset = async (): Promise<Socket> => {
    const socket = new Socket();
    setImmediate(() => socket.destroy(errno("ECONNRESET", "read", "nobody has taken it")));
    return socket;
  };
  const keys = sharedKeys(["a password of the test"]);
  expect(await reach(SOCKET, undefined, reset, keys)).toMatchObject({ reached: "silent" });
});
