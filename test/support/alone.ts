/** Owns an owner that shares its collection, and whom nobody joins: guests' calls are the test's. */
import type { Engine } from "../../src/protocol/contract.js";
import { dispatchTo, engineFrom } from "../../src/protocol/dispatch.js";
import type { Sharing } from "../../src/worker/disk/engine.js";
import type { Service } from "../../src/worker/disk/service.js";

export const ALONE: Sharing = {
  address: () => Promise.resolve(null),
  reach: () => Promise.resolve("absent"),
  hasLeftover: () => Promise.resolve(false),
  isSilent: () => false,
  isDurable: () => false,
  identify: () => undefined,
  leave: () => undefined,
  onLost: () => undefined,
};

let guests = 0;

/** The engine of an owner as a guest sees it, whose writes have numbers. */
export function asGuest(owner: Service): Engine {
  const guest = (++guests).toString(16).padStart(16, "0");
  let next = 1;
  return {
    ...engineFrom(dispatchTo(owner)),
    get: (sids) => owner.get(sids, guest),
    write: (writes) => {
      const first = next;
      next += writes.length;
      // Nothing is forgotten: a compaction must keep what may still be asked for.
      return owner.write(writes, { guest, first, floor: 1 });
    },
  };
}
