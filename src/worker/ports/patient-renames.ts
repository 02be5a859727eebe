/** Renames as Windows needs them: a virus scanner or an indexer may hold a new file for a moment. */
import { type Clock, pause } from "./clock.js";
import { isErrno } from "./failure.js";
import type { Files } from "./files.js";

/** How long a rename is tried again, and how often. */
const PATIENCE_MS = 1000;
const INTERVAL_MS = 50;

/** How a rename fails on Windows while someone else has one of the files open. */
const HELD = ["EPERM", "EACCES", "EBUSY"];

export function withPatientRenames(files: Files, clock: Clock): Files {
  return {
    ...files,
    async rename(from, to) {
      const end = clock.monotonic() + PATIENCE_MS;
      for (;;) {
        try {
          await files.rename(from, to);
          return;
        } catch (error) {
          if (!isErrno(error, ...HELD) || clock.monotonic() >= end) throw error;
          await pause(clock, INTERVAL_MS);
        }
      }
    },
  };
}
