/** Owns what reads find in an open collection, and whether each session is one that it may be. */
import type { Engine, FoundSession } from "../../../src/protocol/contract.js";
import type { ManualClock } from "../manual-clock.js";
import { type Session, withCookie } from "./ledger.js";

interface View {
  readonly engine: Engine;
  readonly clock: ManualClock;
  /** Told what was found to be other than it must be. */
  readonly violate: (text: string) => void;
}

/** @returns the session that each id has, which is certain from then on */
export async function observe(
  view: View,
  sids: readonly string[],
  possible: (sid: string) => readonly Session[],
): Promise<Map<string, Session[]>> {
  const { engine, violate } = view;
  const found = await engine.get(sids);
  const certain = new Map<string, Session[]>();
  for (const [index, sid] of sids.entries()) {
    const json = jsonOf(found[index]);
    const candidates = possible(sid);
    const session = await match(view, sid, json, candidates);
    if (session === undefined) violate(`${sid} is ${json ?? "gone"}: ${show(candidates)}`);
    certain.set(sid, [session ?? null]);
  }
  const live = sids.filter((_, index) => found[index] !== null).sort();
  const listed = (await engine.ids()).sort();
  if (listed.join() !== live.join()) violate(`ids are ${listed.join()}: ${live.join()}`);
  return certain;
}

/** The session that was found and has its expiry; undefined where it is not among the candidates. */
async function match(
  view: View,
  sid: string,
  json: string | null,
  candidates: readonly Session[],
): Promise<Session | undefined> {
  for (const session of candidates) {
    if (session === null || session.expiresAt <= view.clock.now()) {
      if (json === null) return null;
    } else if (session.json === json) {
      const [before, after] = await Promise.all([
        lookAt(view, sid, session.expiresAt - 1),
        lookAt(view, sid, session.expiresAt),
      ]);
      if (before !== null && after === null) return session;
    }
  }
  return undefined;
}

/** What a get finds at another time. */
async function lookAt(
  { engine, clock }: View,
  sid: string,
  time: number,
): Promise<FoundSession | null> {
  const back = clock.now() - time;
  clock.jump(-back);
  const finding = engine.get([sid]);
  clock.jump(back);
  return (await finding)[0] ?? null;
}

function jsonOf(found: FoundSession | null | undefined): string | null {
  if (found == null) return null;
  return typeof found === "string" ? found : withCookie(found[0], found[1]);
}

function show(candidates: readonly Session[]): string {
  return candidates
    .map((session) => (session === null ? "none" : `${session.json} (${session.expiresAt})`))
    .join(" | ");
}
