/** Owns the sockets themselves: where they are, whose they are, and what is not one. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { describe, expect, it, onTestFinished } from "vitest";
import { nodeSockets } from "../../src/worker/ports/sockets.js";
import { tempDirectory } from "../support/temp-dir.js";

const NAME = "sessions.0123abcd.sock";

/** Listens, and echoes. */
async function listen(directory: string): Promise<{ close: () => void }> {
  const listening = await nodeSockets.listen(directory, NAME, (socket) => {
    socket.on("error", () => undefined);
    socket.pipe(socket);
  });
  onTestFinished(() => listening.close());
  return listening;
}

async function connect(directory: string): Promise<Socket> {
  const socket = await nodeSockets.connect(directory, NAME);
  onTestFinished(() => void socket.destroy());
  return socket;
}

async function expectEcho(directory: string): Promise<void> {
  const socket = await connect(directory);
  socket.write("hello");
  const [answer] = (await new Promise<unknown[]>((resolve) => {
    socket.once("data", (...args) => resolve(args));
  })) as [Buffer];
  expect(answer.toString()).toBe("hello");
}

/** A directory whose path has at least so many bytes. */
function deepDirectory(bytes: number): string {
  let path = tempDirectory();
  while (Buffer.byteLength(path) < bytes) path = join(path, "é".repeat(20));
  mkdirSync(path, { recursive: true });
  return path;
}

describe.skipIf(process.platform === "win32")("a socket", () => {
  it("is a file of the directory, for this user alone, and goes when it is closed", async () => {
    const umask = process.umask(0);
    onTestFinished(() => void process.umask(umask));
    const directory = tempDirectory();
    const listening = await listen(directory);
    expect(statSync(join(directory, NAME)).mode & 0o777).toBe(0o600);
    await expectEcho(directory);
    listening.close();
    expect(readdirSync(directory)).toEqual([]);
    await expect(connect(directory)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it.runIf(process.platform === "linux")("may have a path that is too long for one", async () => {
    const directory = deepDirectory(150);
    const listening = await listen(directory);
    expect(existsSync(join(directory, NAME))).toBe(true);
    await expectEcho(directory);
    listening.close();
    expect(readdirSync(directory)).toEqual([]);
  });

  it("of a process that is gone refuses", async () => {
    const directory = tempDirectory();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(directory, "other"), resolve));
    // Its name is that of a socket that nobody has open once the first name is closed.
    const { linkSync } = await import("node:fs");
    linkSync(join(directory, "other"), join(directory, NAME));
    chmodSync(join(directory, NAME), 0o600);
    await new Promise((resolve) => server.close(resolve));
    await expect(connect(directory)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("that others may use, or that is a link, is not used", async () => {
    const directory = tempDirectory();
    await listen(directory);
    chmodSync(join(directory, NAME), 0o666);
    await expect(connect(directory)).rejects.toMatchObject({ code: "EACCES" });
    chmodSync(join(directory, NAME), 0o600);
    const other = tempDirectory();
    symlinkSync(join(directory, NAME), join(other, NAME));
    await expect(connect(other)).rejects.toMatchObject({ code: "EACCES" });
  });

  it("is not made where its name is taken", async () => {
    const directory = tempDirectory();
    writeFileSync(join(directory, NAME), "");
    await expect(listen(directory)).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});
