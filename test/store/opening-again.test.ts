/**
 * Owns what becomes of a store that could not be opened: where the reason may go away, it is tried
 * again by a call after a rest; where it cannot, it is not.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { EngineHost } from "../../src/main/hosts/engine-host.js";
import { hostInline } from "../../src/main/hosts/inline-host.js";
import { WorkerHost } from "../../src/main/hosts/worker-host.js";
import type { EngineConfig } from "../../src/protocol/config.js";
import { type BareOptions, configOf } from "../support/bare-engine.js";
import { passTime } from "../support/passing-time.js";
import { tempDirectory } from "../support/temp-dir.js";
import { listenerTo } from "../support/listener.js";

const WORKER = new URL("../../dist/worker.js", import.meta.url);
/** Longer than a host rests. */
const REST_MS = 11_000;

vi.mock("../../src/protocol/timers.js", async (original) => {
  const { withPassingTime } = await import("../support/passing-time.js");
  return withPassingTime(await original());
});

const LISTENER = listenerTo(() => undefined);

const HOSTS: [string, (config: EngineConfig) => EngineHost][] = [
  ["a worker", (config) => new WorkerHost({ file: WORKER, config, listener: LISTENER })],
  ["the calling thread", (config) => hostInline(config, LISTENER)],
];

describe.each(HOSTS)("a store on %s that cannot be opened", (_, hostOf) => {
  function open(options: BareOptions): EngineHost {
    const host = hostOf(configOf(options));
    host.ready.catch(() => undefined);
    let closing: Promise<void> | null = null;
    const close = host.engine.close.bind(host.engine);
    // A store closes its host once.
    host.engine.close = () => (closing ??= close());
    onTestFinished(() => host.engine.close());
    return host;
  }

  /** A store that shares with nobody, so that it is refused what another has open. */
  const openAlone = (directory: string): EngineHost => open({ directory, share: false });

  it("because another has it: can be, after a rest, when that one is closed", async () => {
    const directory = tempDirectory();
    const other = open({ directory });
    await other.ready;
    const { ready, engine } = openAlone(directory);
    const locked = { code: "STORE_LOCKED" };
    await expect(engine.length()).rejects.toMatchObject(locked);
    passTime(REST_MS);
    await expect(engine.length()).rejects.toMatchObject(locked);
    await other.engine.close();
    await expect(engine.length()).rejects.toMatchObject(locked);
    passTime(REST_MS);
    expect(await Promise.all([engine.length(), engine.write([["a"]])])).toEqual([0, [0]]);
    await expect(ready).rejects.toMatchObject(locked);
  });

  it("because its directory cannot be made: can be, after a rest, when it can", async () => {
    const parent = join(tempDirectory(), "mount");
    writeFileSync(parent, "");
    const { ready, engine } = open({ directory: join(parent, "data") });
    await expect(ready).rejects.toMatchObject({ code: "STORE_IO" });
    rmSync(parent);
    mkdirSync(parent);
    passTime(REST_MS);
    expect(await engine.length()).toBe(0);
  });

  it("for want of the key: is not tried again", async () => {
    const directory = tempDirectory();
    const other = open({ directory, encryptionKey: "one of the keys" });
    await other.engine.write([["a", "{}", 8e15]]);
    await other.engine.close();
    const { ready, engine } = open({ directory, encryptionKey: "another key" });
    const refusal: unknown = await ready.catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "STORE_KEY_MISMATCH" });
    passTime(REST_MS);
    await expect(engine.length()).rejects.toBe(refusal);
  });

  it("closes while it rests, and while it is tried again", async () => {
    const directory = tempDirectory();
    await open({ directory }).ready;
    const resting = openAlone(directory);
    await expect(resting.ready).rejects.toMatchObject({ code: "STORE_LOCKED" });
    await resting.engine.close();
    const trying = openAlone(directory);
    await expect(trying.ready).rejects.toMatchObject({ code: "STORE_LOCKED" });
    passTime(REST_MS);
    const call = trying.engine.length();
    const closed = trying.engine.close();
    await expect(call).rejects.toMatchObject({ code: "STORE_LOCKED" });
    await closed;
  });
});
