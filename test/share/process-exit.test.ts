/** Owns that a process does not end while its store waits for another one's, to open or to close. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { nodeSockets, type Sockets } from "../../src/worker/ports/sockets.js";
import { openMember } from "../support/members.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";
import { on, WatchedFiles } from "../support/watched-files.js";

function start(script: string, store: object): ChildProcess {
  const path = fileURLToPath(new URL(`../fixtures/exits/${script}.js`, import.meta.url));
  const env = { ...process.env, NODE_OPTIONS: "", STORE: JSON.stringify(store) };
  const child = spawn(process.execPath, [path], { env, stdio: "ignore" });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

/** Runs a child. @returns its exit code, once it has ended */
async function run(script: string, store: object): Promise<unknown> {
  const [code] = (await once(start(script, store), "exit")) as unknown[];
  return code;
}

/** Sockets that count who has come in. */
function counting(): { readonly sockets: Sockets; connections: number } {
  const counter = {
    connections: 0,
    sockets: {
      ...nodeSockets,
      listen: (directory, name, onConnection) =>
        nodeSockets.listen(directory, name, (socket) => {
          counter.connections++;
          onConnection(socket);
        }),
    } satisfies Sockets,
  };
  return counter;
}

describe.each([true, false])("a process with a store of isolate: %s", (isolate) => {
  it("waits while the owner that it has joined opens the files", async () => {
    const directory = tempDirectory();
    const watched = new WatchedFiles();
    const hold = watched.hold(on("open", ".wal.log"));
    const counter = counting();
    const { sockets } = counter;
    const opening = openMember(directory, { sockets, environment: { files: watched.files } });
    await until(() => hold.waiting > 0);
    const first = run("ready", { directory, isolate });
    await until(() => counter.connections === 1);
    // By the time that another process has come, the first one would have ended.
    const second = run("ready", { directory, isolate });
    await until(() => counter.connections === 2);
    hold.release();
    await opening;
    expect(await Promise.all([first, second])).toEqual([0, 0]);
  });

  it("ends when it has closed the collection that another had joined, and not before", async () => {
    const directory = tempDirectory();
    const child = run("joined", { directory, isolate });
    await until(() => existsSync(join(directory, "sessions.lock")));
    await openMember(directory);
    expect(await child).toBe(0);
  });

  it("ends when it has done itself what it had asked of an owner that was killed", async () => {
    const directory = tempDirectory();
    const owner = start("blocked", { directory, isolate: false });
    await until(() => existsSync(join(directory, "sessions.lock")));
    const guest = run("asks", { directory, isolate });
    await until(() => existsSync(join(directory, "asked")));
    owner.kill("SIGKILL");
    expect(await guest).toBe(0);
    const next = await openMember(directory);
    expect(await next.length()).toBe(1);
  });
});
