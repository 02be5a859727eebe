/** @sailscastshq/connect-sqlite: better-sqlite3, on the calling thread. It comes as NORMAL. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import session from "express-session";

const BUILT = new URL("../node_modules/better-sqlite3/build", import.meta.url);

/**
 * @param {"FULL" | "NORMAL"} synchronous @param {"disk" | "process"} guarantee
 * @returns {import("./index.js").Contender}
 */
const contender = (synchronous, guarantee) => ({
  label: `SQLite ${synchronous}`,
  guarantee,
  missing: () => (existsSync(BUILT) ? undefined : "better-sqlite3 could not be built"),
  async open(directory) {
    const Store = (await import("@sailscastshq/connect-sqlite")).default(session);
    const store = new Store({ url: join(directory, "sessions.db") });
    store.db.pragma(`synchronous = ${synchronous}`);
    return { store, close: () => store.close() };
  },
});

export const sqlite = {
  "sqlite-full": contender("FULL", "disk"),
  sqlite: contender("NORMAL", "process"),
};
