/**
 * Owns what several engines did to the same sessions, and the judgement whether what is there can have
 * come of it: what was acknowledged is there or was overwritten by what was not before it, what failed
 * is not, and of what is uncertain nobody knows.
 */
import type { Engine, Write } from "../../../src/protocol/contract.js";
import type { StoreErrorCode } from "../../../src/protocol/errors.js";

type Fate = "acknowledged" | "refused" | "failed" | "uncertain";

interface Entry {
  readonly sid: string;
  /** The number that the session was given; null for a deletion. */
  readonly n: number | null;
  readonly from: number;
  to: number;
  fate: Fate;
}

/** Those of a write that has not taken effect, and will not. */
const FAILED: readonly StoreErrorCode[] = [
  "STORE_UNREACHABLE",
  "STORE_IO",
  "STORE_DENIED",
  "STORE_CLOSED",
];

export class Ledger {
  readonly #entries: Entry[] = [];
  readonly counts: Record<Fate, number> = { acknowledged: 0, refused: 0, failed: 0, uncertain: 0 };
  #moment = 0;
  #number = 0;

  /** Writes, or deletes, and notes how it ended. */
  async change(
    engine: Engine,
    sid: string,
    kind: "put" | "update" | "delete",
    expiresAt: number,
  ): Promise<Fate> {
    const n = kind === "delete" ? null : ++this.#number;
    const entry: Entry = { sid, n, from: ++this.#moment, to: Infinity, fate: "uncertain" };
    this.#entries.push(entry);
    const write: Write =
      n === null || kind === "delete" ? [sid] : [sid, JSON.stringify({ n }), expiresAt, kind];
    const [outcome] = await engine.write([write]);
    if (typeof outcome === "number") {
      entry.fate = kind === "update" && outcome === 0 ? "refused" : "acknowledged";
    } else {
      entry.fate = FAILED.includes(outcome?.code as StoreErrorCode) ? "failed" : "uncertain";
    }
    entry.to = entry.fate === "uncertain" ? Infinity : ++this.#moment;
    this.counts[entry.fate]++;
    return entry.fate;
  }

  /** What is wrong with what is found in the end; null if nothing is. */
  judge(sid: string, found: number | null): string | null {
    const all = this.#entries.filter((entry) => entry.sid === sid);
    const made = all.filter(({ fate }) => fate === "acknowledged" || fate === "uncertain");
    /** Whether another acknowledged one began after this had ended, and so came after it. */
    const isOver = (entry: Entry): boolean =>
      made.some(({ fate, from }) => fate === "acknowledged" && from > entry.to);
    if (found === null) {
      const isDeleted = made.some((entry) => entry.n === null && !isOver(entry));
      const isNew = !made.some(({ fate, n }) => fate === "acknowledged" && n !== null);
      return isDeleted || isNew ? null : `${sid} is gone, and nobody deleted it last`;
    }
    const source = all.find(({ n }) => n === found);
    if (source === undefined) return `${sid} has ${found}, which nobody wrote`;
    if (!made.includes(source)) return `${sid} has ${found}, which has ${source.fate}`;
    return isOver(source) ? `${sid} has ${found}, which was overwritten` : null;
  }
}
