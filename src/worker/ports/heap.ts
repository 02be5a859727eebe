/** The memory of this thread's JavaScript heap. */
import { getHeapStatistics } from "node:v8";
import { resourceLimits } from "node:worker_threads";

/**
 * The part of the limit that is for young objects, if no flag says otherwise: 48 MB in Node 20 and 22,
 * 192 MB in 24, 96 MB in 26. Only a worker thread is told.
 */
const MAX_YOUNG_MB = 192;

/** How many bytes of objects that stay the heap can hold, by the limit that Node runs with. */
export function heapBytes(): number {
  const { maxYoungGenerationSizeMb = MAX_YOUNG_MB } = resourceLimits;
  const limit = getHeapStatistics().heap_size_limit;
  return Math.max(limit - maxYoungGenerationSizeMb * 1024 * 1024, limit / 4);
}
