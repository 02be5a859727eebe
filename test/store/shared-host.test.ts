/** Owns which stores of a process share one host, whom that tells what, and when it is closed. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it, vi } from "vitest";
import { engineFrom } from "../../src/protocol/dispatch.js";
import { type EngineHost } from "../../src/main/hosts/engine-host.js";
import { sharedHost } from "../../src/main/hosts/shared-host.js";
import type { EngineListener } from "../../src/protocol/contract.js";
import { type BareOptions, configOf } from "../support/bare-engine.js";
import { tempDirectory } from "../support/temp-dir.js";

/** A host that a test answers for. */
class FakeHost {
  readonly called: string[] = [];
  readonly waiting: (() => void)[] = [];
  readonly listener: EngineListener;
  ready: Promise<void> = Promise.resolve();

  constructor(listener: EngineListener) {
    this.listener = listener;
  }

  readonly engine: EngineHost["engine"] = engineFrom((method) => {
    this.called.push(method);
    if (method === "close") return Promise.resolve();
    return new Promise<void>((resolve) => this.waiting.push(resolve));
  });
}

function world() {
  const made: FakeHost[] = [];
  let ready: () => Promise<void> = () => Promise.resolve();
  return {
    made,
    failNext: (error: Error): void => {
      ready = () => Promise.reject(error);
    },
    open: (options: BareOptions, listener: Partial<EngineListener> = {}): EngineHost => {
      const making = { file: "/worker.js", config: configOf(options) };
      const whole = { onError: vi.fn(), onExpired: vi.fn(), ...listener };
      return sharedHost(making, whole, (told) => {
        const host = new FakeHost(told);
        host.ready = ready();
        ready = () => Promise.resolve();
        made.push(host);
        return host;
      });
    },
  };
}

describe("stores of one process", () => {
  it("share a host if they are made alike, and have one each if not", () => {
    const { made, open } = world();
    const directory = tempDirectory();
    open({ directory });
    open({ directory });
    expect(made).toHaveLength(1);
    open({ directory, walLimit: 5 });
    open({ directory, encryptionKey: "of its own" });
    open({ directory: tempDirectory() });
    expect(made).toHaveLength(4);
  });

  it("close it when the last of them is closed", async () => {
    const { made, open } = world();
    const directory = tempDirectory();
    const [first, second] = [open({ directory }), open({ directory })];
    await first.engine.close();
    expect(made[0]!.called).toEqual([]);
    await second.engine.close();
    expect(made[0]!.called).toEqual(["close"]);
    open({ directory });
    expect(made).toHaveLength(2);
  });

  it("wait for their own calls when they are closed, and for no others", async () => {
    const { made, open } = world();
    const directory = tempDirectory();
    const [first, second] = [open({ directory }), open({ directory })];
    const events: string[] = [];
    void first.engine.length().then(() => events.push("answer"));
    void second.engine.length();
    const closing = first.engine.close().then(() => events.push("closed"));
    await new Promise(setImmediate);
    expect(events).toEqual([]);
    made[0]!.waiting[0]!();
    await closing;
    expect(events).toEqual(["answer", "closed"]);
  });

  it("do not share one that could not be opened", async () => {
    const { made, open, failNext } = world();
    const directory = tempDirectory();
    failNext(new Error("no disk"));
    await expect(open({ directory }).ready).rejects.toThrow("no disk");
    await open({ directory }).ready;
    expect(made).toHaveLength(2);
  });

  it("are all told what has expired; of trouble the newest is", async () => {
    const { made, open } = world();
    const directory = tempDirectory();
    const told: string[] = [];
    const listener = (name: string): EngineListener => ({
      onError: () => told.push(`error ${name}`),
      onExpired: () => told.push(`expired ${name}`),
    });
    open({ directory }, listener("a"));
    const second = open({ directory }, listener("b"));
    made[0]!.listener.onError(new Error("trouble"));
    made[0]!.listener.onExpired([]);
    await second.engine.close();
    made[0]!.listener.onError(new Error("trouble"));
    expect(told).toEqual(["error b", "expired a", "expired b", "error a"]);
  });

  it("do not count that have been left behind, once they are garbage", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const { made, open } = world();
    const directory = tempDirectory();
    const [left] = [new WeakRef(open({ directory }))];
    const kept = open({ directory });
    // What a promise job holds is let go in its own turn.
    await new Promise(setImmediate);
    collect();
    expect(left.deref()).toBeUndefined();
    await kept.engine.close();
    expect(made[0]!.called).toEqual(["close"]);
  });
});
