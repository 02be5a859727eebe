/** What waits expires once, in its time, and not if it is over before. */
import { describe, expect, it } from "vitest";

import { monotonic } from "../../src/protocol/timers.js";
import { Patience, type Waiting } from "../../src/worker/redis/patience.js";

const SOON_MS = 5;
const NEVER_MS = 3_600_000;

/** Waits that note their names when they expire. */
function waits(patience: Patience) {
  const expired: string[] = [];
  let tell = (): void => undefined;
  const add = (name: string, ms: number, onExpire = (): void => undefined): Waiting => {
    const expire = (): void => {
      expired.push(name);
      onExpire();
      tell();
    };
    const waiting: Waiting = { deadline: monotonic() + ms, expire };
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
});
