/** Owns what an owner makes of a guest that says nonsense, or is gone before it has been let in. */
import type { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { nodeSockets } from "../../src/worker/ports/sockets.js";
import { encodeFrame, FrameReader } from "../../src/worker/share/frames.js";
import { GuestConnection } from "../../src/worker/share/guest-connection.js";
import {
  type Credentials,
  type Hello,
  proofFor,
  sharedKeys,
} from "../../src/worker/share/handshake.js";
import { Kind, MAX_HANDSHAKE_BYTES } from "../../src/worker/share/messages.js";
import { ManualClock } from "../support/manual-clock.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";

const LOCK = "1:1";

/** A guest's socket, the hello that it has been sent, and what the owner makes of the connection. */
async function connected() {
  const directory = tempDirectory();
  const credentials = { secret: "00".repeat(32), keys: await sharedKeys([]) };
  const guests = new Set<GuestConnection>();
  const state = { ended: 0, identify: (): void => undefined };
  const lock = new Promise<string>((resolve) => (state.identify = () => resolve(LOCK)));
  const listening = await nodeSockets.listen(directory, "s.sock", (socket) => {
    new GuestConnection(socket, {
      clock: new ManualClock(),
      credentials: Promise.resolve(credentials),
      lock,
      dispatch: () => Promise.reject(new Error("not called")),
      opened: Promise.resolve(),
      onJoined: (guest) => guests.add(guest),
      onEnd: (guest) => {
        state.ended++;
        guests.delete(guest);
      },
    });
  });
  onTestFinished(() => listening.close());
  const socket = await nodeSockets.connect(directory, "s.sock");
  socket.on("error", () => undefined);
  const hello = await helloFrom(socket);
  return { socket, hello, credentials, guests, state };
}

async function helloFrom(socket: Socket): Promise<Hello> {
  const reader = new FrameReader(MAX_HANDSHAKE_BYTES);
  socket.on("data", (chunk: Buffer) => reader.push(chunk));
  const frame = await until(() => reader.next() ?? false);
  return JSON.parse(frame.body.toString()) as Hello;
}

function proofOf(hello: Hello, credentials: Credentials): Buffer {
  const needs = { durable: true, absoluteTtlMs: null, hasUsers: false };
  const proof = proofFor(hello, credentials, { guest: "0123456789abcdef", lock: LOCK, ...needs });
  return Buffer.from(JSON.stringify(proof));
}

it.each(["null", "1", "[]", "{}", '{"guest":{}}'])(
  "ends the connection of one whose proof is %s",
  async (text) => {
    const { socket, state, guests } = await connected();
    state.identify();
    socket.write(encodeFrame(Kind.proof, Buffer.from(text)));
    socket.once("end", () => socket.end());
    await until(() => state.ended === 1);
    expect(guests.size).toBe(0);
  },
);

it("ends the connection of one whose call is none", async () => {
  const { socket, hello, credentials, state, guests } = await connected();
  state.identify();
  socket.write(encodeFrame(Kind.proof, proofOf(hello, credentials)));
  await until(() => guests.size === 1);
  socket.write(encodeFrame(Kind.call, Buffer.from("null")));
  socket.once("end", () => socket.end());
  await until(() => state.ended === 1);
  expect(guests.size).toBe(0);
});

it("does not count one that has gone before the lock was taken", async () => {
  const { socket, hello, credentials, state, guests } = await connected();
  socket.write(encodeFrame(Kind.proof, proofOf(hello, credentials)));
  socket.destroySoon();
  await until(() => state.ended === 1);
  state.identify();
  await turn();
  expect(guests.size).toBe(0);
});
