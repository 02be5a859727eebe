/** Owns the worker threads that a test watches. For `vi.mock("node:worker_threads", …)`. */
import type * as workerThreads from "node:worker_threads";

/**
 * Every worker that was spawned, with what it was given and how much memory; whether the next is
 * refused, and what is added to its options.
 */
export const threads = {
  spawned: [] as workerThreads.Worker[],
  given: [] as unknown[],
  limits: [] as (workerThreads.ResourceLimits | undefined)[],
  options: {} as workerThreads.WorkerOptions,
  refused: false,
};

export function watchWorkers(original: typeof workerThreads): typeof workerThreads {
  class WatchedWorker extends original.Worker {
    constructor(url: URL, options: workerThreads.WorkerOptions) {
      if (threads.refused) throw new Error("no more threads");
      super(url, { ...options, ...threads.options });
      threads.spawned.push(this);
      threads.given.push(options.workerData);
      threads.limits.push(options.resourceLimits);
    }
  }
  return { ...original, Worker: WatchedWorker };
}
