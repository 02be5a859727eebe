/**
 * The engine suite over the model, which is the test of the suite itself: the model passes, and each
 * test of the suite notices a fault in what it says.
 */
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { engineFrom } from "../../src/protocol/dispatch.js";
import type { Engine } from "../../src/protocol/contract.js";
import { behaviorOf, type EngineKind } from "./engine/behavior.js";
import { type Fault, FAULTS } from "./engine/faults.js";
import { ModelEngine, modelPlace, type ModelPlace } from "./engine/model-engine.js";
import { ENGINE_TOPICS, engineSuite } from "./engine-suite.js";

/** The model, with the methods of a fault in place of its own. */
function model(fault: Fault = () => ({})): EngineKind<ModelPlace> {
  const faulty = (place: ModelPlace): Engine => {
    const right = new ModelEngine(place);
    const wrong = fault(right, place);
    return engineFrom((method, args) =>
      call(wrong[method] === undefined ? right : (wrong as Engine), method, args),
    );
  };
  return {
    reopens: true,
    place: () => modelPlace(),
    open: async (place) => faulty(place),
    start(place) {
      const opening = turn(faulty(place));
      return engineFrom(async (method, args) => call(await opening, method, args));
    },
    clock: ({ clock }) => clock,
    breakWrites(place) {
      place.broken = true;
      return () => (place.broken = false);
    },
    async kill(place) {
      place.deaths++;
    },
  };
}

function call(engine: Engine, method: keyof Engine, args: unknown[]): Promise<unknown> {
  return (engine[method] as (...args: unknown[]) => Promise<unknown>)(...args);
}

/** The tests of the suite over a kind of engine, by subject and title. */
function testsOver(kind: EngineKind<ModelPlace>): Map<string, () => Promise<void>> {
  const tests = new Map<string, () => Promise<void>>();
  for (const [subject, topic] of Object.entries(ENGINE_TOPICS)) {
    const declare = (title: string, body: () => Promise<void>): void => {
      tests.set(`${subject} ${title}`, body);
    };
    topic(behaviorOf(kind, { it: declare, onTestFinished: () => undefined }));
  }
  return tests;
}

engineSuite("the model", model());

describe("the suite notices", () => {
  it("a fault by each of its tests", () => {
    expect(Object.keys(FAULTS).sort()).toEqual([...testsOver(model()).keys()].sort());
  });

  it.each(Object.entries(FAULTS))("when it is not so that %s", async (title, fault) => {
    await expect(testsOver(model(fault)).get(title)?.()).rejects.toThrow();
  });
});
