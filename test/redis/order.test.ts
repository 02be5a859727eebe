/** Owns what a call is told of its time by the order in which it waits. */
import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import { monotonic } from "../../src/protocol/timers.js";
import { Listing } from "../../src/worker/redis/listing.js";
import { Order } from "../../src/worker/redis/order.js";

type Work = (since: number) => Promise<number>;

const change = (order: Order, work: Work) => order.change("a", work);
const list = (order: Order, work: Work) => order.list(new Listing(), work);
const exclusively = (order: Order, work: Work) => order.exclusively(work);

/** Makes a call that waits for another. @returns whether its time begins with that, or with its turn */
async function beginning(
  wait: (order: Order, work: Work) => Promise<number>,
  call: (order: Order, work: Work) => Promise<number>,
): Promise<"call" | "turn"> {
  const order = new Order();
  let end!: () => void;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const waited = wait(order, () => ended.then(() => 0));
  const since = call(order, (moment) => Promise.resolve(moment));
  await turn();
  const later = monotonic();
  end();
  await waited;
  return (await since) < later ? "call" : "turn";
}

it.each([
  ["a change is a part of that of the next one", change, change, "call"],
  ["a change is a part of that of a clear", change, exclusively, "call"],
  ["a clear is none of what it holds up", exclusively, change, "turn"],
  ["a walk is none of a clear that would be too late after it", list, exclusively, "turn"],
] as const)("the time of %s", async (_, first, second, begins) => {
  expect(await beginning(first, second)).toBe(begins);
});
