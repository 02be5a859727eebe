/**
 * Owns that calls of several processes, while sessions move, come to what they would come to in one
 * place, one after the other: in each interleaving of the steps that they take in the two places, and
 * wherever a process is killed.
 */
import { describe, expect, it } from "vitest";
import { Sessions } from "../../src/worker/move/sessions.js";
import { eachInterleaving, type Step } from "../support/move/interleavings.js";
import { type Kept, TwoPlaces } from "../support/move/places.js";

type Call = "get" | "put" | "update" | "touch" | "destroy" | "move";

/** What a call does in one place, and what it is answered. */
const IN_ONE_PLACE: Readonly<Record<Call, (place: Map<string, Kept>) => unknown>> = {
  get: (place) => place.get("a")?.json ?? null,
  put: (place) => void place.set("a", { json: "put", expiresAt: 10 }),
  update(place) {
    const live = place.has("a");
    if (live) place.set("a", { json: "updated", expiresAt: 20 });
    return Number(live);
  },
  touch(place) {
    const kept = place.get("a");
    if (kept !== undefined) place.set("a", { ...kept, expiresAt: 30 });
    return kept !== undefined;
  },
  destroy: (place) => Number(place.delete("a")),
  move: () => undefined,
};

/** The same, while sessions move. */
const IN_TWO_PLACES: Readonly<Record<Call, (sessions: Sessions) => Promise<unknown>>> = {
  get: (sessions) => sessions.get("a"),
  // Nobody is told how many it has replaced.
  put: (sessions) => sessions.write(["a", "put", 10, "put"]).then(() => undefined),
  update: (sessions) => sessions.write(["a", "updated", 20, "update"]),
  touch: (sessions) => sessions.touch(["a", null, 30]),
  destroy: (sessions) => sessions.write(["a"]),
  move: (sessions) => sessions.move("a").then(() => undefined),
};

const FIRST: Kept = { json: "first", expiresAt: 1 };

/** Where the session is when the calls are made; `both` is what a death between two steps leaves. */
type Start = "old" | "both" | "new" | "none";

function placesOf(start: Start, marksDestroyed: boolean): TwoPlaces {
  const places = new TwoPlaces({ marksDestroyed });
  if (start === "old" || start === "both") places.old.set("a", FIRST);
  if (start === "new" || start === "both") places.new.set("a", FIRST);
  return places;
}

function sessionsIn(places: TwoPlaces, step: Step): Sessions {
  return new Sessions(places.source(step), places.destination(step), Infinity);
}

/** What the calls may come to: their answers, and what is there in the end. */
function allowed(calls: readonly Call[], start: Start, killed: number | null): Set<string> {
  const outcomes = new Set<string>();
  const indexes = [...calls.keys()];
  for (const order of permutations(indexes)) {
    // What is killed may have taken effect or not.
    for (const made of killed === null ? [order] : [order, order.filter((n) => n !== killed)]) {
      const place = new Map<string, Kept>(start === "none" ? [] : [["a", FIRST]]);
      const answers: unknown[] = calls.map(() => undefined);
      for (const index of made) answers[index] = IN_ONE_PLACE[calls[index]!](place);
      if (killed !== null) answers[killed] = undefined;
      outcomes.add(outcome(answers, place.get("a")));
    }
  }
  return outcomes;
}

function outcome(answers: readonly unknown[], kept: Kept | undefined): string {
  return JSON.stringify([answers.map((answer) => answer ?? null), kept ?? null]);
}

function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item) =>
    permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
  );
}

/** The interleavings that come to what no order in one place comes to, and how many there are. */
async function wrongOutcomes(
  calls: readonly Call[],
  start: Start,
  {
    marksDestroyed = true,
    killed = null,
  }: {
    readonly marksDestroyed?: boolean;
    /** A call that is killed, and after how many steps. */
    readonly killed?: { readonly call: number; readonly after: number } | null;
  } = {},
): Promise<{ wrong: string[]; orders: number }> {
  const right = allowed(calls, start, killed?.call ?? null);
  const wrong: string[] = [];
  const run = (steps: (program: number) => Step) => {
    const places = placesOf(start, marksDestroyed);
    const answers: unknown[] = calls.map(() => undefined);
    for (const [index, call] of calls.entries()) {
      void IN_TWO_PLACES[call](sessionsIn(places, steps(index))).then(
        (answer) => (answers[index] = answer),
      );
    }
    return { places, answers };
  };
  const limits = calls.map((_, index) => (index === killed?.call ? killed.after : Infinity));
  const orders = await eachInterleaving(
    run,
    async ({ places, answers }) => {
      // In the end the walk, of this process or the next, comes to it.
      await sessionsIn(places, (work) => Promise.resolve(work())).move("a");
      if (killed !== null) answers[killed.call] = undefined;
      const found = outcome(answers, places.new.get("a"));
      if (!right.has(found) || places.old.size > 0) wrong.push(found);
    },
    limits,
  );
  return { wrong, orders };
}

const CALLS: readonly Call[] = ["get", "put", "update", "touch", "destroy", "move"];
const STARTS: readonly Start[] = ["old", "both", "new", "none"];
const PAIRS = CALLS.flatMap((one, at) => CALLS.slice(at).map((other) => [one, other] as const));
/** Where two who destroy a session that is in both places may both have counted it, it is left out. */
function startsOf(calls: readonly Call[]): readonly Start[] {
  const isCountedTwice = calls.every((call) => call === "destroy");
  return STARTS.filter((start) => !(isCountedTwice && start === "both"));
}

/** More than any call takes. */
const MAX_STEPS = 6;

describe("in each interleaving, calls of two processes come to what they would in one place", () => {
  it.each(PAIRS)("%s and %s", async (...calls) => {
    for (const start of startsOf(calls)) {
      const { wrong, orders } = await wrongOutcomes(calls, start);
      expect({ start, wrong }).toEqual({ start, wrong: [] });
      expect(orders).toBeGreaterThan(1);
    }
  });

  it.each(PAIRS)("%s, which is killed anywhere, and %s", async (...calls) => {
    for (const start of startsOf(calls)) {
      for (let after = 0; after < MAX_STEPS; after++) {
        for (const call of [0, 1]) {
          const { wrong } = await wrongOutcomes(calls, start, { killed: { call, after } });
          expect({ start, call, after, wrong }).toEqual({ start, call, after, wrong: [] });
        }
      }
    }
  });

  it.each<readonly Call[]>([
    ["move", "destroy", "put"],
    ["move", "move", "destroy"],
    ["move", "destroy", "update"],
    ["move", "destroy", "get"],
  ])("%s, %s and %s of three", async (...calls) => {
    expect((await wrongOutcomes(calls, "old")).wrong).toEqual([]);
  });
});

describe("the model notices", () => {
  it("a new place that forgets what was destroyed: 1 of 8 interleavings undoes a logout", async () => {
    const { wrong, orders } = await wrongOutcomes(["move", "destroy"], "old", {
      marksDestroyed: false,
    });
    expect({ orders, wrong }).toEqual({
      orders: 8,
      wrong: [outcome([null, 1], FIRST)],
    });
  });

  it.each(["get", "update", "touch"] as const)("the same for a %s", async (call) => {
    const { wrong } = await wrongOutcomes([call, "destroy"], "old", { marksDestroyed: false });
    expect(wrong).not.toEqual([]);
  });
});
