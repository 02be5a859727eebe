/**
 * Owns the calls that are made in a life: each enters itself into the ledger, and what it is answered
 * is a violation where it is not what the ledger says.
 */
import { setImmediate as turn } from "node:timers/promises";

import type { Write } from "../../../src/protocol/contract.js";
import { StoreError } from "../../../src/protocol/errors.js";
import type { Entry, Session } from "./ledger.js";
import type { Life } from "./life.js";

export type SessionWrite = readonly [sid: string, session: Session];

export async function makeWrites(life: Life, writes: readonly SessionWrite[]): Promise<void> {
  const { ledger, failedWrites } = life;
  const entries = writes.map(([sid, session]) => {
    const expected = isLive(life, sid) ? 1 : 0;
    return { sid, expected, entry: ledger.write(sid, session, life.clock.now()) };
  });
  const wire = writes.map(([sid, session]): Write =>
    session === null ? [sid] : [sid, session.json, session.expiresAt],
  );
  const outcomes = await life.engine.write(wire);
  entries.forEach(({ sid, expected, entry }, index) => {
    const outcome = outcomes[index];
    if (typeof outcome === "number") {
      entry.acknowledge();
      // A write that failed meanwhile may have been refused before this one was made.
      const sure = life.failedWrites === failedWrites;
      if (sure && outcome !== expected) life.violations.push(`write of ${sid} answers ${outcome}`);
    } else {
      entry.fail();
      if (outcome?.code !== "STORE_IO")
        life.violations.push(`write of ${sid}: ${outcome?.message}`);
    }
  });
  if (outcomes.some((outcome) => typeof outcome !== "number")) life.failedWrites++;
}

export async function makeTouch(
  life: Life,
  sid: string,
  cookie: string | null,
  expiresAt: number,
): Promise<void> {
  const { ledger, failedWrites } = life;
  const expected = isLive(life, sid);
  const note = (): Entry => ledger.touch(sid, cookie, expiresAt, life.clock.now());
  const entry = expected ? note() : null;
  const [found = false] = await life.engine.touch([[sid, cookie, expiresAt]]);
  if (found === expected) return;
  if (found) note();
  else entry?.fail();
  // The failure of a write that was made just before may be on its way.
  await turn();
  if (life.failedWrites === failedWrites) life.violations.push(`touch of ${sid} answers ${found}`);
}

export async function makeClear(life: Life): Promise<void> {
  const { ledger, failedWrites } = life;
  const live = [...ledger.sids()].filter((sid) => isLive(life, sid));
  const entries = live.map((sid) => ledger.write(sid, null, life.clock.now()));
  try {
    const cleared = await life.engine.clear();
    for (const entry of entries) entry.acknowledge();
    const sure = life.failedWrites === failedWrites;
    if (sure && cleared !== live.length) life.violations.push(`clear answers ${cleared}`);
  } catch (error) {
    for (const entry of entries) entry.fail();
    life.failedWrites++;
    assertIoError(error);
  }
}

export async function makeCompaction(life: Life): Promise<void> {
  try {
    await life.engine.compact();
  } catch (error) {
    life.failedCompactions++;
    assertIoError(error);
  }
}

function isLive({ ledger, clock }: Life, sid: string): boolean {
  const session = ledger.current(sid);
  return session !== null && session.expiresAt > clock.now();
}

function assertIoError(error: unknown): void {
  if (!(error instanceof StoreError && error.code === "STORE_IO")) throw error;
}
