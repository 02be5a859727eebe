/** What waits expires once, in its time, and not if it is over before. */
import { describe, expect, it } from "vitest";

import { monotonic } from "../../src/protocol/timers.js";
import { Patience, type Waiting } from "../../src/worker/redis/patience.js";

const SOON_MS = 5;
const NEVER_MS = 3_600_000;

/** Waits that note their names when they expire, which must not be before their time. */
function waits(patience: Patience) {
  const expired: string[] = [];
  let tell = (): void => undefined;
  const add = (name: string, ms: number, onExpire = (): void => undefined): Waiting => {
    const deadline = monotonic() + ms;
    const expire = (): void => {
      expired.push(monotonic() < deadline ? `${name}, early` : name);
      onExpire();
      tell();
    };
    const waiting: Waiting = { deadline, expire, place: -1 };
    patience.add(waiting);
    return waiting;
  };
  const until = (count: number): Promise<void> =>
    new Promise((resolve) => {
      tell = () => {
        if (expired.length >= count) resolve();
      };
      tell();
    });
  return { expired, add, until };
}

describe("patience", () => {
  it("ends with the time of each, and not before", async () => {
    const patience = new Patience();
    const { expired, add, until } = waits(patience);
    add("late", 3 * SOON_MS);
    add("never", NEVER_MS);
    add("soon", SOON_MS);
    await until(2);
    expect(expired).toEqual(["soon", "late"]);
    patience.stop();
  });

  it("ends in the order of the deadlines where the thread was held up", async () => {
    const patience = new Patience();
    const { expired, add, until } = waits(patience);
    const { deadline } = add("late", 2 * SOON_MS);
    add("soon", SOON_MS);
    while (monotonic() < deadline);
    await until(2);
    expect(expired).toEqual(["soon", "late"]);
  });

  it("does not begin where no time is left", () => {
    const patience = new Patience();
    const { expired, add } = waits(patience);
    const late = add("late", 0);
    expect(expired).toEqual(["late"]);
    expect(patience.remove(late)).toBe(false);
  });

  it("is not for what is over, also where another has its place", async () => {
    const patience = new Patience();
    const { expired, add, until } = waits(patience);
    const over = add("over", SOON_MS);
    expect(patience.remove(over)).toBe(true);
    const next = add("next", SOON_MS);
    expect(next.place).toBe(over.place);
    expect(patience.remove(over)).toBe(false);
    await until(1);
    expect(expired).toEqual(["next"]);
    expect(patience.remove(next)).toBe(false);
  });

  it("is not for what is over because another has expired", async () => {
    const patience = new Patience();
    const { expired, add, until } = waits(patience);
    const later = (): void => void patience.remove(second);
    add("first", SOON_MS, later);
    const second = add("second", SOON_MS);
    add("third", SOON_MS);
    await until(2);
    expect(expired).toEqual(["first", "third"]);
  });

  it("is also for what begins to wait because another has expired", async () => {
    const patience = new Patience();
    const { expired, add, until } = waits(patience);
    add("first", SOON_MS, () => void add("then", SOON_MS));
    await until(2);
    expect(expired).toEqual(["first", "then"]);
  });
});
