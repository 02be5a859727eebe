/** What comes before the figures, so that all is warm: so many calls, in so much time. */
import { expect, it, vi } from "vitest";

import { WRITE } from "../../bench/cells.js";
import { measureClients } from "../../bench/load/clients.js";
import { warming } from "../../bench/load/loops.js";
import { cookieOf } from "../../bench/load/sessions.js";

const HOUR = 3600;
const pick = (): number => 7;

it("is as many calls as are asked for", () => {
  const next = warming(3, HOUR, pick);
  expect([next(), next(), next(), next(), next()]).toEqual([7, 7, 7, undefined, undefined]);
});

it("ends when the time for it is over", () => {
  expect(warming(3, 0, pick)()).toBeUndefined();
});

it.each([1, 3])("comes before the figures of servers, with %i processes", async (processes) => {
  const [sessions, warm] = [10, 50];
  const numbers = new Map(Array.from({ length: sessions }, (_, n) => [cookieOf(n), n]));
  const ask = vi.fn((_path: string, { cookie = "" }: Record<string, string>) =>
    Promise.resolve<[number, string]>([200, String(numbers.get(cookie))]),
  );
  await measureClients({ ...WRITE, sessions, warm, processes, seconds: 0 }, ask);
  expect(ask.mock.calls.length).toBeGreaterThanOrEqual(warm * processes);
});
