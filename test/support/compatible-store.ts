/** Owns stores over files that lite-nosql reads and writes, and what either finds in them. */
import LiteNoSQLStore from "express-session-isolate";
import { onTestFinished } from "vitest";
import { readDocuments, readFiles, sessionIn } from "./lite-nosql-reader.js";

export type Sessions = Map<string, unknown>;

export const NEW_KEY = "another key of the test";

export function storeIn(directory: string, password?: string, more: object = {}): LiteNoSQLStore {
  const key = password === undefined ? {} : { encryptionKey: password };
  const store = new LiteNoSQLStore({ directory, ...key, ...more, isolate: false });
  // Fixtures with damage in them say so.
  store.on("error", () => undefined);
  onTestFinished(() => store.close().catch(() => undefined));
  return store;
}

/** The sessions that a store serves, in the form that they have on the disk: dates as text. */
export async function served(store: LiteNoSQLStore): Promise<Sessions> {
  const ids = await store.ids();
  const asStored = async (id: string): Promise<unknown> =>
    JSON.parse(JSON.stringify(await store.get(id)));
  return new Map(await Promise.all(ids.map(async (id) => [id, await asStored(id)] as const)));
}

/** What lite-nosql would find, as sessions. */
export function read(directory: string, password?: string): Sessions {
  const documents = readDocuments(readFiles(directory), password);
  const sessions = [...documents].map(([id, document]) => sessionIn(id, document));
  return new Map(sessions.flatMap((found) => (found === null ? [] : [[found.sid, found.sess]])));
}
