/** The sessions as they are shown, and read in pages, so that memory does not grow with them. */
import type { StoredSession } from "../protocol/contract.js";
import type { Looker } from "../worker/disk/outside.js";
import { type Column, timeText } from "./output.js";

/** How many sessions are in memory at once. */
const PAGE_SIZE = 64;

/** A session with its id. */
export interface Found {
  readonly id: string;
  readonly stored: StoredSession;
}

/** The live sessions, or those of a user. What changes meanwhile may or may not be among them. */
export async function* sessionsIn(
  looker: Looker,
  user?: string,
): AsyncGenerator<Found, void, undefined> {
  const ids =
    user === undefined ? await looker.ids() : (await looker.sessionsOf(user)).map(([sid]) => sid);
  for (let at = 0; at < ids.length; at += PAGE_SIZE) {
    const page = ids.slice(at, at + PAGE_SIZE);
    const found = await looker.inspect(page);
    for (const [index, id] of page.entries()) {
      const stored = found[index];
      if (stored != null) yield { id, stored };
    }
  }
}

/** A session as JSON shows it. Times in epoch milliseconds. */
export interface Shown {
  readonly id: string;
  readonly user: string | null;
  readonly createdAt: number | null;
  readonly expiresAt: number;
  /** Of its text, with its newest cookie. */
  readonly bytes: number;
  /** What it holds, if that was asked for. */
  readonly session?: unknown;
}

export function shown({ id, stored }: Found, withData: boolean): Shown {
  const [found, expiresAt, createdAt, user] = stored;
  const [json, cookie] = typeof found === "string" ? [found, null] : found;
  const text = cookie === null ? json : JSON.stringify(dataOf(json, cookie));
  const facts = { id, user, createdAt, expiresAt, bytes: Buffer.byteLength(text) };
  return withData ? { ...facts, session: dataOf(json, cookie) } : facts;
}

/** The session with its newest cookie. What a serializer of the application made is shown as it is. */
function dataOf(json: string, cookie: string | null): unknown {
  try {
    const session: unknown = JSON.parse(json);
    if (typeof session !== "object" || session === null || cookie === null) return session;
    return { ...session, cookie: JSON.parse(cookie) as unknown };
  } catch {
    return json;
  }
}

export const COLUMNS: readonly Column<Shown>[] = [
  { title: "ID", cell: ({ id }) => id },
  { title: "USER", cell: ({ user }) => user ?? "-" },
  { title: "CREATED (UTC)", cell: ({ createdAt }) => timeText(createdAt) },
  { title: "EXPIRES (UTC)", cell: ({ expiresAt }) => timeText(expiresAt) },
  { title: "BYTES", cell: ({ bytes }) => String(bytes) },
];

export const DATA_COLUMN: Column<Shown> = {
  title: "SESSION",
  cell: ({ session }) => JSON.stringify(session),
};
