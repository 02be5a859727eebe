/** Owns that sessions go on to move in the next worker when one dies, from files that it had locked. */
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { WorkerHost } from "../../src/main/hosts/worker-host.js";
import { listenerTo } from "../support/listener.js";
import { fromFiles, movingConfig, untilMoved } from "../support/move/engines.js";
import { fileSessions } from "../support/move/old-places.js";
import { HAS_SERVER, Server } from "../support/redis/server.js";
import { tempDirectory } from "../support/temp-dir.js";
import { threads } from "../support/worker/watched-workers.js";

vi.mock(
  "node:worker_threads",
  async (original: () => Promise<typeof import("node:worker_threads")>) => {
    const { watchWorkers } = await import("../support/worker/watched-workers.js");
    return watchWorkers(await original());
  },
);

const FAR = Date.UTC(2100, 0, 1);

describe.skipIf(!HAS_SERVER)("a worker's death while sessions move", () => {
  it("costs no session", async () => {
    const server = await Server.start();
    onTestFinished(() => server.stop());
    const directory = tempDirectory();
    const sids = Array.from({ length: 500 }, (_, n) => `sid ${n}`);
    await fileSessions(
      directory,
      sids.map((sid) => ({ sid, json: "{}", expiresAt: FAR })),
    );
    const host = new WorkerHost({
      file: new URL("../../dist/worker.js", import.meta.url),
      config: movingConfig(server, fromFiles(directory)),
      listener: listenerTo(() => undefined),
    });
    onTestFinished(() => host.engine.close());
    await host.engine.write([["sid 7"]]);
    const reading = host.engine.get(sids);
    await threads.spawned.at(-1)?.terminate();
    const expected = sids.map((sid) => (sid === "sid 7" ? null : "{}"));
    expect(await reading).toEqual(expected);
    await untilMoved(host.engine);
    expect(await host.engine.get(sids)).toEqual(expected);
  });
});
