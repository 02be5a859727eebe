/** Owns that a store over Redis neither keeps its process nor lets it go too early, and its worker's death. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { WorkerHost } from "../../src/main/hosts/worker-host.js";
import { listenerTo } from "../support/listener.js";
import { redisConfig } from "../support/redis/engines.js";
import { HAS_SERVER, Server } from "../support/redis/server.js";
import { threads } from "../support/worker/watched-workers.js";

vi.mock(
  "node:worker_threads",
  async (original: () => Promise<typeof import("node:worker_threads")>) => {
    const { watchWorkers } = await import("../support/worker/watched-workers.js");
    return watchWorkers(await original());
  },
);

const STORE = new URL("../../dist/index.js", import.meta.url).href;
const FAR = Date.UTC(2100, 0, 1);

describe.skipIf(!HAS_SERVER)("over Redis", () => {
  let server: Server;
  beforeAll(async () => {
    server = await Server.start();
  });
  afterAll(() => server.stop());

  it.each([true, false])(
    "a process ends when its calls are answered: isolate %s",
    async (isolate) => {
      const program = `
      import { IsolatedStore } from ${JSON.stringify(STORE)};
      const redis = { url: ${JSON.stringify(server.url)}, prefix: "ends ${isolate}:" };
      const store = new IsolatedStore({ redis, isolate: ${isolate} });
      await store.ready;
      store.set("a", { n: 1 }, () => store.length((_, length) => console.log(length)));`;
      const args = ["--input-type=module", "--eval", program];
      const { stdout } = await promisify(execFile)(process.execPath, args);
      expect(stdout).toBe("1\n");
    },
  );

  it("a worker's death leaves changes uncertain, and everything else is asked of the next", async () => {
    const config = redisConfig({ addresses: [server.address] });
    const host = new WorkerHost({
      file: new URL("../../dist/worker.js", import.meta.url),
      config,
      listener: listenerTo(() => undefined),
    });
    onTestFinished(() => host.engine.close());
    await host.engine.write([["a", "{}", FAR]]);
    server.signal("SIGSTOP");
    const changes = [
      host.engine.write([["a", "{}", FAR]]),
      host.engine.touch([["a", null, FAR]]),
      host.engine.clear(),
      host.engine.destroyAllOf("ann", null),
    ].map((call) => call.catch((error: unknown) => (error as { code: unknown }).code));
    const reads = [host.engine.get(["b"]), host.engine.ids()];
    await threads.spawned.at(-1)?.terminate();
    server.signal("SIGCONT");
    expect(await Promise.all(changes)).toEqual(changes.map(() => "STORE_UNCERTAIN"));
    expect(await Promise.all(reads)).toEqual([[null], ["a"]]);
    expect(await host.engine.get(["a"])).toEqual(["{}"]);
  });
});
