/**
 * Which writes of guests have been executed, so that none is executed twice: a guest sends again what
 * has not been answered when the owner goes, and by then others may have written the same session.
 *
 * Each write of a guest has a number, and its record a mark that says so. A write without a record of
 * its own, because it changes nothing, has its mark in the next commit: before that commit nobody can
 * have written the session again.
 */
import type { Write, WriteOutcome } from "../../protocol/contract.js";
import type { Clock } from "../ports/clock.js";

/** The writes of one call of a guest; their numbers follow each other. */
export interface GuestWrites {
  /** The name of the guest: hex digits. */
  readonly guest: string;
  /** The number of the first. */
  readonly first: number;
  /** The guest has the answers to all lower numbers. */
  readonly floor: number;
}

/** An executed write: what it was, and how many live sessions it replaced or deleted. */
export interface Mark extends Token {
  readonly outcome: number;
}

/** Which write of which guest. */
export interface Token {
  readonly guest: string;
  readonly number: number;
}

/** The writes of a call that are, or have been, executed together. */
interface Batch {
  readonly answer: Promise<readonly WriteOutcome[]>;
  /** Once there is an answer. */
  outcomes: readonly WriteOutcome[] | null;
}

type Entry = number | { readonly batch: Batch; readonly index: number };

interface Guest {
  /** It has the answers to all lower numbers. */
  floor: number;
  readonly entries: Map<number, Entry>;
  /** When it was last heard of, by the monotonic clock. */
  at: number;
}

/** A guest waits for an answer for much less than this. */
const KEEP_MS = 30_000;

const DUE = 1000;

export class Executed {
  readonly #clock: Clock;
  readonly #guests = new Map<string, Guest>();
  #due: Mark[] = [];
  /** With so many due it is time to look which are still needed. */
  #dueLimit = DUE;
  #forgottenAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#forgottenAt = clock.monotonic();
  }

  /** Notes the marks of a record that was read when the collection was opened. */
  load(marks: string): void {
    for (const mark of marks.split(" ")) {
      const [guest = "", number, outcome] = mark.split(".");
      this.#guest(guest).entries.set(Number(number), Number(outcome));
    }
  }

  /** Executes those writes of a call that have not been, together. @returns the outcomes of all */
  async once(
    { guest: name, first, floor }: GuestWrites,
    writes: readonly Write[],
    execute: (rest: readonly Write[], tokens: readonly Token[]) => Promise<WriteOutcome[]>,
  ): Promise<WriteOutcome[]> {
    this.#forget();
    const known = this.#guest(name);
    const { entries } = known;
    known.floor = Math.max(known.floor, floor);
    for (const number of entries.keys()) if (number < floor) entries.delete(number);
    const numbers = writes.map((_, index) => first + index);
    const isNew = numbers.map((number) => !entries.has(number));
    const tokens = numbers.filter((_, index) => isNew[index]);
    if (tokens.length > 0) {
      const rest = writes.filter((_, index) => isNew[index]);
      const answer = execute(
        rest,
        tokens.map((number) => ({ guest: name, number })),
      );
      const batch: Batch = { answer, outcomes: null };
      tokens.forEach((number, index) => entries.set(number, { batch, index }));
      batch.outcomes = await answer;
      if (tokens.length === writes.length) return answer;
    }
    return Promise.all(numbers.map((number) => outcomeOf(entries.get(number))));
  }

  /** For writes that have no record of their own: their marks go with the next commit. */
  add(marks: readonly Mark[]): void {
    for (const mark of marks) this.#due.push(mark);
    if (this.#due.length < this.#dueLimit) return;
    // Without a commit there may be ever more: those that have been answered are asked for no more.
    this.#due = this.#due.filter(
      ({ guest, number }) => number >= (this.#guests.get(guest)?.floor ?? 0),
    );
    this.#dueLimit = 2 * this.#due.length + DUE;
  }

  /** The marks that go with this commit. */
  take(): Mark[] {
    const due = this.#due;
    this.#due = [];
    return due;
  }

  /** All that have been executed, for a journal in which their records are no longer. */
  marks(): Mark[] {
    const marks: Mark[] = [];
    for (const [name, { entries }] of this.#guests) {
      for (const [number, entry] of entries) {
        const outcome = typeof entry === "number" ? entry : entry.batch.outcomes?.[entry.index];
        if (typeof outcome === "number") marks.push({ guest: name, number, outcome });
      }
    }
    return marks;
  }

  #guest(name: string): Guest {
    let guest = this.#guests.get(name);
    if (guest === undefined)
      this.#guests.set(name, (guest = { entries: new Map(), floor: 0, at: 0 }));
    guest.at = this.#clock.monotonic();
    return guest;
  }

  /** Forgets guests that do not come back. */
  #forget(): void {
    const now = this.#clock.monotonic();
    if (now - this.#forgottenAt < KEEP_MS) return;
    this.#forgottenAt = now;
    for (const [name, { at }] of this.#guests) if (now - at > KEEP_MS) this.#guests.delete(name);
  }
}

/** The text of a mark. Dual of {@link Executed.load}, which takes several, with spaces between. */
export function markText({ guest, number, outcome }: Mark): string {
  return `${guest}.${number}.${outcome}`;
}

async function outcomeOf(entry: Entry | undefined): Promise<WriteOutcome> {
  if (entry === undefined || typeof entry === "number") return entry ?? 0;
  return (await entry.batch.answer)[entry.index] ?? 0;
}
