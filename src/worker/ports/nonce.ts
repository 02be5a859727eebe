/** Random values that must not come twice: parts of file names, and what each encryption begins with. */
import { randomBytes, randomFillSync } from "node:crypto";

/** Returns 16 hex digits, different at each call. So that processes do not collide. */
export type Nonce = () => string;

export const randomNonce: Nonce = () => randomBytes(8).toString("hex");

/** How many are drawn at once: a single draw takes as long as encrypting a small session. */
const DRAWS = 256;

/** Makes a function that returns so many random bytes, other ones at each call. */
export function drawsOf(bytes: number): () => Buffer {
  const pool = Buffer.alloc(bytes * DRAWS);
  let at = pool.length;
  return () => {
    if (at === pool.length) {
      randomFillSync(pool);
      at = 0;
    }
    const drawn = Buffer.from(pool.subarray(at, at + bytes));
    at += bytes;
    return drawn;
  };
}
