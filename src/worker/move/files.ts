/** The sessions of a collection in files, to be moved from there. */
import { writeOne } from "../../protocol/dispatch.js";
import type { DiskEngine } from "../disk/engine.js";
import type { Source } from "./places.js";

/** How many are told of at once. */
const PAGE_SIZE = 512;

export function filesSource(engine: DiskEngine): Source {
  return {
    read: async (sid) => (await engine.inspect([sid]))[0] ?? null,
    remove: (sid) => writeOne(engine, [sid]),
    idsOf: async (user) => (await engine.sessionsOf(user)).map(([sid]) => sid),
    async pages(page) {
      const sids = await engine.ids();
      for (let at = 0; at < sids.length; at += PAGE_SIZE) {
        await page(sids.slice(at, at + PAGE_SIZE));
      }
    },
    // Leaves no session in the files if all were moved.
    async close() {
      try {
        if ((await engine.length()) === 0) await engine.compact();
      } finally {
        await engine.close();
      }
    },
  };
}
