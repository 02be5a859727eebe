/** Owns stores that tests open with options of their choice, and how the constructor refuses some. */
import type session from "express-session";
import LiteNoSQLStore, { type FilesStats } from "express-session-isolate";
import { onTestFinished } from "vitest";

type Options = ConstructorParameters<typeof LiteNoSQLStore>[0];

/** A session, whatever the application has declared its sessions to be. */
export function sessionOf(data: object): session.SessionData {
  return data as session.SessionData;
}

/** A store that is closed after the test; in-thread, since options do not depend on the thread. */
export function openStore(options: Options): LiteNoSQLStore {
  const store = new LiteNoSQLStore({ isolate: false, ...options });
  onTestFinished(() => store.close());
  return store;
}

/** The figures of a store over files. */
export async function filesStats(store: LiteNoSQLStore): Promise<FilesStats> {
  const stats = await store.stats();
  if (stats.redis !== undefined) throw new Error("this store has no files");
  return stats;
}

/** What the constructor throws. */
export function refusal(options: unknown): unknown {
  try {
    const store = new LiteNoSQLStore(options as Options);
    onTestFinished(() => store.close());
  } catch (error) {
    return error;
  }
  return undefined;
}
