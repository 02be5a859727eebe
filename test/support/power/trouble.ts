/**
 * Owns a disk in trouble: a life on a disk of which a test says when which operations fail, and
 * single calls of it.
 */
import { FaultDisk } from "./fault-disk.js";
import type { Fault, Operation, Witness } from "./operations.js";
import { JOURNAL, Life, type LifeParts } from "./life.js";

export const START = Date.UTC(2026, 0, 1);
export const LATER = START + 86_400_000;
export const one = { json: '{"n":1}', expiresAt: LATER };
export const two = { json: '{"n":2}', expiresAt: LATER };

/** A disk of which a test says when which operations fail. */
export class Trouble implements Witness {
  when: ((operation: Operation) => Fault | null) | null = null;
  fault = (operation: Operation): Fault | null => this.when?.(operation) ?? null;

  /** The next operation of this kind on the journal fails, and no other. */
  next(kind: Operation["kind"], fault: Fault, file: string = JOURNAL): void {
    this.when = (operation) => {
      if (operation.kind !== kind || !operation.path.endsWith(file)) return null;
      this.when = null;
      return fault;
    };
  }
}

export async function lifeWithTrouble(parts: Partial<LifeParts> = {}): Promise<[Life, Trouble]> {
  const trouble = new Trouble();
  const life = new Life({ disk: new FaultDisk(), time: START, witness: trouble, ...parts });
  await life.open([]);
  return [life, trouble];
}

/** One write; its outcome, or the code of its failure. */
export async function write(life: Life, sid: string, session: typeof one | null): Promise<unknown> {
  const entry = life.ledger.write(sid, session, life.clock.now());
  const [outcome] = await life.engine.write(
    session === null ? [[sid]] : [[sid, session.json, session.expiresAt]],
  );
  if (typeof outcome !== "number") {
    entry.fail();
    return outcome?.code;
  }
  entry.acknowledge();
  return outcome;
}

export async function read(life: Life, sid: string): Promise<unknown> {
  return (await life.engine.get([sid]))[0];
}
