/**
 * Owns how a worker's heap is divided: with much of it for young objects, as in some versions of Node,
 * one collection promotes more than a small heap has left.
 */
import type { ResourceLimits } from "node:worker_threads";

import { expect, it, onTestFinished, vi } from "vitest";

import { WorkerHost } from "../../src/main/hosts/worker-host.js";
import { configOf } from "../support/bare-engine.js";
import { listenerTo } from "../support/listener.js";
import { HEALTHY } from "../support/worker/mortal-host.js";
import { threads } from "../support/worker/watched-workers.js";

vi.mock("node:worker_threads", async (original) => {
  const { watchWorkers } = await import("../support/worker/watched-workers.js");
  return watchWorkers(await original());
});

async function limitsOf(resourceLimits?: ResourceLimits): Promise<ResourceLimits | undefined> {
  const listener = listenerTo(() => undefined);
  const config = configOf({});
  const { engine, ready } = new WorkerHost({
    file: HEALTHY,
    config,
    listener,
    ...(resourceLimits === undefined ? {} : { resourceLimits }),
  });
  onTestFinished(() => engine.close());
  await ready;
  return threads.limits.at(-1);
}

it("young objects have as much in each version of Node", async () => {
  expect(await limitsOf()).toEqual({ maxYoungGenerationSizeMb: 48 });
});

it("but not where it says undefined", async () => {
  const nothing = { maxYoungGenerationSizeMb: undefined } as unknown as ResourceLimits;
  expect(await limitsOf(nothing)).toEqual({ maxYoungGenerationSizeMb: 48 });
});

it("an application may set each limit", async () => {
  const more = { maxOldGenerationSizeMb: 64 };
  expect(await limitsOf(more)).toEqual({ ...more, maxYoungGenerationSizeMb: 48 });
  expect(await limitsOf({ maxYoungGenerationSizeMb: 32 })).toEqual({
    maxYoungGenerationSizeMb: 32,
  });
});
