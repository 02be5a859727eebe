/** Owns that methods called without a callback return promises. */
import type { Behavior } from "./behavior.js";
import { STANDARD_CALLS } from "./calls.js";

/** The others need their callback in a store without promises, and throw for want of it. */
const WRITING = ["set", "touch", "destroy", "clear"];

export function promises({ needs, open }: Behavior): void {
  const calls = STANDARD_CALLS.filter(([method]) => WRITING.includes(method));
  needs("promises").each(calls)("%s returns a promise", async (method, args) => {
    await open().call(method, ...args);
  });
}
