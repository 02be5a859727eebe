/** What comes before the figures, so that all is warm: so many calls, in so much time. */
import { expect, it, vi } from "vitest";

import { WRITE } from "../../bench/cells.js";
import { measureClients } from "../../bench/load/clients.js";
import * as loops from "../../bench/load/loops.js";
import { cookieOf } from "../../bench/load/sessions.js";
import { Latencies } from "../../bench/load/time.js";

vi.mock(import("../../bench/load/loops.js"), async (original) => {
  const { openLoop, ...others } = await original();
  return { ...others, openLoop: vi.fn(openLoop) };
});

const { warming } = loops;
const HOUR = 3600;
const pick = (): number => 7;

/** What answers each request as its server would. */
function answering(sessions: number) {
  const numbers = new Map(Array.from({ length: sessions }, (_, n) => [cookieOf(n), n]));
  return vi.fn((_path: string, { cookie = "" }: Record<string, string>) =>
    Promise.resolve<[number, string]>([200, String(numbers.get(cookie))]),
  );
}

it("is as many calls as are asked for", () => {
  const next = warming(3, HOUR, pick);
  expect([next(), next(), next(), next(), next()]).toEqual([7, 7, 7, undefined, undefined]);
});

it("ends when the time for it is over", () => {
  expect(warming(3, 0, pick)()).toBeUndefined();
});

it.each([1, 3])("comes before the figures of servers, with %i processes", async (processes) => {
  const [sessions, warm] = [10, 50];
  const ask = answering(sessions);
  await measureClients({ ...WRITE, sessions, warm, processes, seconds: 0 }, ask);
  expect(ask.mock.calls.length).toBeGreaterThanOrEqual(warm * processes);
});

it("is followed by full speed, and the requests at a fixed rate come last", async () => {
  const ask = answering(10);
  const nothing = { from: 0, to: 0, latencies: () => new Latencies() };
  let before = 0;
  vi.mocked(loops.openLoop).mockImplementationOnce(() => {
    before = ask.mock.calls.length;
    return Promise.resolve(nothing);
  });
  await measureClients({ ...WRITE, sessions: 10, warm: 50, seconds: 0.2 }, ask);
  expect(before).toBeGreaterThan(50);
  expect(ask.mock.calls.length).toBe(before);
});
