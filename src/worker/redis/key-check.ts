/**
 * The key that says with which password the sessions under a prefix are encrypted, or that they are
 * not: without it another password would find no session, and all users would be logged out.
 */
import { StoreError } from "../../protocol/errors.js";
import type { Caller } from "./caller.js";
import type { Names } from "./names.js";
import type { Seals } from "./seal.js";

const PLAIN = "plain";
const CONTENT = "express-session-isolate";

/** @throws StoreError `STORE_KEY_MISMATCH` */
export async function assertKey(caller: Caller, names: Names, seals: Seals | null): Promise<void> {
  const key = names.check;
  const own = seals === null ? PLAIN : seals.seal(CONTENT, key);
  await caller.read(key, ["SET", key, own, "NX"]);
  const before = String(await caller.read(key, ["GET", key]));
  if (seals === null && before !== PLAIN) {
    throw mismatch('are encrypted: set the option "encryptionKey"');
  }
  if (seals !== null && before === PLAIN) {
    throw mismatch("are not encrypted: give another prefix, or leave the option encryptionKey out");
  }
  if (seals !== null && seals.open(before, key) !== CONTENT) {
    throw mismatch(
      'were encrypted with a password that the option "encryptionKey" lacks, or changed by others',
    );
  }
  // From now on the first password is the one to know.
  if (seals !== null && before !== own) await caller.read(key, ["SET", key, own]);
}

function mismatch(what: string): StoreError {
  return new StoreError("STORE_KEY_MISMATCH", `the sessions in Redis under this prefix ${what}`);
}
