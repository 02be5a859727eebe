/**
 * Owns a pbkdf2 of one round, for tests that open encrypted collections by the thousand: 100,000
 * rounds are 20 ms for each key. For `vi.mock("node:crypto", …)`; the product has no such switch.
 */
import type * as crypto from "node:crypto";

export function withFastPbkdf2(original: typeof crypto): typeof crypto {
  const pbkdf2: typeof crypto.pbkdf2 = (password, salt, _rounds, bytes, digest, callback) => {
    callback(null, original.pbkdf2Sync(password, salt, 1, bytes, digest));
  };
  return { ...original, pbkdf2 };
}
