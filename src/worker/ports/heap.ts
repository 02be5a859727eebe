/** The memory of this thread's JavaScript heap. */
import { getHeapStatistics } from "node:v8";

/** The part of the limit that is for young objects: Node's default for a thread. */
const YOUNG_BYTES = 48 * 1024 * 1024;

/** How many bytes of objects that stay the heap can hold, by the limit that Node runs with. */
export function heapBytes(): number {
  const limit = getHeapStatistics().heap_size_limit;
  return Math.max(limit - YOUNG_BYTES, limit / 4);
}
