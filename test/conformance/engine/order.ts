/** Owns that calls take effect in the order in which they are made, with nobody waiting. */
import { expect } from "vitest";
import type { Engine, Touch, Write } from "../../../src/protocol/contract.js";
import { type Random, SEED, seededRandom } from "../../support/random.js";
import { type EngineBehavior, put, sessionOf, text } from "./behavior.js";
import { ModelEngine, modelPlace } from "./model-engine.js";

const SIDS = ["a", "b", "c", "__proto__", "ünï·çødé"];

export function order({ it, open }: EngineBehavior): void {
  it("are answered in their order", async () => {
    const { engine, later } = await open();
    const answers = [
      engine.get(["a"]),
      engine.write([put("a", 1, later)]),
      engine.get(["a"]),
      engine.write([put("a", 2, later)]),
      engine.touch([["a", `{"path":"/"}`, later]]),
      engine.get(["a"]),
      engine.length(),
      engine.write([["a"]]),
      engine.touch([["a", null, later]]),
      engine.get(["a"]),
      engine.ids(),
      engine.write([put("b", 3, later)]),
      engine.clear(),
      engine.get(["b"]),
    ];
    expect(await Promise.all(answers)).toEqual([
      [null],
      [0],
      [text(1)],
      [1],
      [true],
      [[text(2), `{"path":"/"}`]],
      1,
      [1],
      [false],
      [null],
      [],
      [0],
      1,
      [null],
    ]);
  });

  it("are acknowledged in their order where they change something", async () => {
    const { engine, later } = await open();
    await engine.write(Array.from({ length: 5000 }, (_, n) => put(`s${n}`, n, later)));
    const acknowledged: number[] = [];
    const calls = [
      (): Promise<unknown> => engine.clear(),
      (): Promise<unknown> => engine.write([put("a", 1, later)]),
      (): Promise<unknown> => engine.write([["a"]]),
      (): Promise<unknown> => engine.write([put("a", 2, later), put("b", 2, later)]),
    ];
    const order = Array.from({ length: 60 }, (_, index) => index);
    await Promise.all(
      order.map((index) => calls[index % 4]!().then(() => acknowledged.push(index))),
    );
    expect(acknowledged).toEqual(order);
  });

  it(`are answered as the model answers them (TEST_SEED=${SEED})`, async () => {
    const { engine, now, later } = await open();
    const model = new ModelEngine(modelPlace(now));
    const random = seededRandom(SEED);
    const answers: { call: string; answer: Promise<unknown>; expected: Promise<unknown> }[] = [];
    for (let n = 0; n < 400; n++) {
      const [name, call] = randomCall(random, n, later);
      const answer = call(engine);
      // A failure is reported in its turn below, not as one that nobody handled.
      answer.catch(() => undefined);
      answers.push({ call: name, answer, expected: call(model) });
      if (random.integer(20) === 0) await answer;
    }
    for (const [index, { call, answer, expected }] of answers.entries()) {
      expect(await answer, `call ${index}, ${call}, seed ${SEED}`).toEqual(await expected);
    }
  });
}

type RandomCall = (engine: Engine) => Promise<unknown>;

/** A call with its arguments; what it answers is brought to one form. */
function randomCall(random: Random, n: number, later: number): [name: string, call: RandomCall] {
  const sids = Array.from({ length: 1 + random.integer(3) }, () => random.pick(SIDS));
  const kind = random.integer(100);
  if (kind < 35) return ["get", async (engine) => (await engine.get(sids)).map(sessionOf)];
  if (kind < 70) {
    const writes = sids.map((sid): Write => (random.integer(3) ? put(sid, n, later) : [sid]));
    return ["write", (engine) => engine.write(writes)];
  }
  if (kind < 90) {
    const touches = sids.map((sid): Touch => [sid, random.pick([null, `{"n":${n}}`]), later]);
    return ["touch", (engine) => engine.touch(touches)];
  }
  if (kind < 93) return ["length", (engine) => engine.length()];
  if (kind < 96) return ["ids", async (engine) => (await engine.ids()).sort()];
  if (kind < 98) return ["compact", (engine) => engine.compact()];
  return ["clear", (engine) => engine.clear()];
}
