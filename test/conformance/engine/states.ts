/** Owns every call in every state of an engine: opening, open, closing, closed, after a death. */
import { expect } from "vitest";
import type { Engine } from "../../../src/protocol/contract.js";
import { StoreError } from "../../../src/protocol/errors.js";
import { until } from "../../support/until.js";
import { type EngineBehavior, put, text } from "./behavior.js";

const FAR = Date.UTC(2100, 0, 1);

type Call = (engine: Engine) => Promise<unknown>;

/** Every method except `close`, with what it answers where there was no session before them. */
const CALLS: Readonly<Record<Exclude<keyof Engine, "close">, [call: Call, answer: unknown]>> = {
  get: [(engine) => engine.get(["a"]), [null]],
  inspect: [(engine) => engine.inspect(["a"]), [null]],
  touch: [(engine) => engine.touch([["a", null, FAR]]), [false]],
  write: [(engine) => engine.write([put("a", 1, FAR)]), [0]],
  length: [(engine) => engine.length(), 1],
  ids: [(engine) => engine.ids(), ["a"]],
  stats: [async (engine) => (await engine.stats()).sessions, 1],
  sessionsOf: [(engine) => engine.sessionsOf("nobody"), []],
  destroyAllOf: [(engine) => engine.destroyAllOf("nobody", null), 0],
  watchExpired: [(engine) => engine.watchExpired(), undefined],
  compact: [(engine) => engine.compact(), undefined],
  clear: [(engine) => engine.clear(), 1],
};

export function states(behavior: EngineBehavior): void {
  answered(behavior);
  refused(behavior);
  died(behavior);
}

function answered({ it, open, start }: EngineBehavior): void {
  if (start !== null) {
    it("is answered in its turn when it was made before the engine was open", async () => {
      await expectAnswers(start().engine);
    });
  }

  it("is answered while the engine is open", async () => {
    const { engine } = await open();
    await expectAnswers(engine);
  });
}

function refused({ it, open, start }: EngineBehavior): void {
  it("is refused while the engine is closing", async () => {
    const { engine } = await open();
    const closing = engine.close();
    await expectRefusals(engine);
    await closing;
  });

  if (start !== null) {
    it("is refused when the engine was closed before it was open", async () => {
      const { engine } = start();
      const closing = engine.close();
      await expectRefusals(engine);
      await closing;
    });
  }

  it("is refused when the engine has closed", async () => {
    const { engine } = await open();
    await engine.close();
    await expectRefusals(engine);
  });
}

function died({ it, open, can }: EngineBehavior): void {
  if (!can.die) return;

  it("is answered after a death", async () => {
    const scene = await open();
    await scene.kill();
    await expectAnswers(scene.engine);
  });

  it("finds after a death what was acknowledged before", async () => {
    const scene = await open();
    const { engine, later } = scene;
    await engine.write([put("kept", 1, later), put("deleted", 1, later)]);
    await engine.write([["deleted"]]);
    await scene.kill();
    expect(await engine.get(["kept", "deleted"])).toEqual([text(1), null]);
  });

  it("is answered in its turn when a death came between", async () => {
    const scene = await open();
    const { engine, later } = scene;
    const before = [engine.write([put("a", 1, later)]), engine.get(["a"]), engine.write([["a"]])];
    const killed = scene.kill();
    const after = [engine.get(["a"]), engine.write([put("a", 2, later)]), engine.get(["a"])];
    await killed;
    const [, first, , second, , third] = await Promise.all([...before, ...after]);
    expect([first, second, third]).toEqual([[text(1)], [null], [text(2)]]);
  });
}

async function expectAnswers(engine: Engine): Promise<void> {
  const answers = Object.values(CALLS).map(([call]) => call(engine));
  expect(await Promise.all(answers)).toEqual(Object.values(CALLS).map(([, answer]) => answer));
}

/** Every call must be refused, and soon: one that is never answered would hold up its caller. */
async function expectRefusals(engine: Engine): Promise<void> {
  const outcomes: Record<string, unknown> = {};
  for (const [method, [call]] of Object.entries(CALLS)) {
    call(engine).then(
      () => (outcomes[method] = "answered"),
      (error: unknown) => (outcomes[method] = error instanceof StoreError ? error.code : error),
    );
  }
  const methods = Object.keys(CALLS);
  // What is missing then is told by what is expected.
  await until(() => Object.keys(outcomes).length === methods.length).catch(() => undefined);
  expect(outcomes).toEqual(Object.fromEntries(methods.map((method) => [method, "STORE_CLOSED"])));
}
