/** Owns the order of the calls that wait at the gate, and of those that come when it opens. */
import { expect, it } from "vitest";
import type { Engine } from "../../src/protocol/contract.js";
import { engineFrom } from "../../src/protocol/dispatch.js";
import { Gate } from "../../src/worker/share/gate.js";

it("no call overtakes one that waits, in whichever microtask it is made", async () => {
  const made: unknown[] = [];
  const engine: Engine = engineFrom(async (_, [sids]) => void made.push(sids));
  let mayAnswer = false;
  let open!: () => void;
  const renewed = new Promise<void>((resolve) => (open = resolve));
  const gate = new Gate(engine, {
    mayAnswer: () => mayAnswer,
    renew: () => renewed,
    use: () => undefined,
  });
  const calls = [gate.dispatch("get", ["waits"])];
  mayAnswer = true;
  open();
  for (let count = 0; count < 20; count++) {
    await Promise.resolve();
    calls.push(gate.dispatch("get", [count]));
  }
  await Promise.all(calls);
  expect(made).toEqual(["waits", ...Array.from({ length: 20 }, (_, count) => count)]);
});
