/** Keeps the process, or the thread, alive while there is work, since the engines' timers do not. */
import { clearInterval, setInterval } from "../../protocol/timers.js";

const FOREVER_MS = 2 ** 31 - 1;

/** Until it is cleared, and while it is referenced. */
export function lifeline(): NodeJS.Timeout {
  return setInterval(() => undefined, FOREVER_MS);
}

/** While `work` is pending. */
export async function keepAliveDuring<T>(work: Promise<T>): Promise<T> {
  const alive = lifeline();
  try {
    return await work;
  } finally {
    clearInterval(alive);
  }
}
