/** Owns collections to be compacted: what fills them, and what their files hold afterwards. */
import { setImmediate as turn } from "node:timers/promises";
import type { Engine, Write } from "../../src/protocol/contract.js";
import { type BareEngine, FAR_MS, openBare } from "./bare-engine.js";

export const SNAPSHOT = "sessions.snapshot.json";
export const JOURNAL = "sessions.wal.log";

export function session(sid: string, text = sid): Write {
  return [sid, JSON.stringify({ text }), Date.UTC(2030, 0, 1) + FAR_MS];
}

export async function fill(engine: Engine, count: number, bytes = 1000): Promise<void> {
  const text = "x".repeat(bytes);
  await engine.write(Array.from({ length: count }, (_, index) => session(`sid ${index}`, text)));
}

/** What the files of a closed collection hold, by id. */
export async function reopened(
  { directory }: BareEngine,
  options = {},
): Promise<Map<string, unknown>> {
  const { engine } = await openBare({ directory, ...options });
  const ids = (await engine.ids()).sort();
  const texts = await engine.get(ids);
  await engine.close();
  return new Map(ids.map((id, index) => [id, texts[index]]));
}

export async function settleDown(): Promise<void> {
  for (let turns = 0; turns < 200; turns++) await turn();
}
