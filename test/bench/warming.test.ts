/** What comes before the figures, so that all is warm: so many calls, in so much time. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";

import { WRITE } from "../../bench/cells.js";
import { warming } from "../../bench/load/loops.js";
import { cookieOf } from "../../bench/load/sessions.js";
import { run } from "../../bench/process.js";

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
  let requests = 0;
  const server = createServer(({ headers }, response) => {
    requests++;
    response.end(String(numbers.get(headers.cookie ?? "")));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  await run("load/clients.js", { ...WRITE, port, sessions, warm, processes, seconds: 0 });
  expect(requests).toBeGreaterThanOrEqual(warm * processes);
});
