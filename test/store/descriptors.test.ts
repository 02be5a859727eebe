/** Owns that a store which has been closed leaves nothing open, whatever else the process is doing. */
import IsolatedStore from "express-session-isolate";
import { expect, it } from "vitest";
import { blockPool } from "../support/full-pool.js";
import { openPaths } from "../support/open-paths.js";
import { sessionOf } from "../support/session-values.js";
import { tempDirectory } from "../support/temp-dir.js";

it.skipIf(process.platform !== "linux")(
  "a closed store leaves no file open, though the thread pool was full",
  async () => {
    const directory = tempDirectory();
    const store = new IsolatedStore({ directory });
    await store.ready;
    const release = blockPool(tempDirectory());
    try {
      await store.set("a", sessionOf({ n: 1 }));
      await store.compact();
      await store.close();
      expect(openPaths().filter((path) => path.startsWith(directory))).toEqual([]);
    } finally {
      release();
    }
  },
);
