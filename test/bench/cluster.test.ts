/** Clusters: one store for all instances, no acknowledged write lost, and failures that are counted. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import session from "express-session";
import { describe, expect, it, onTestFinished } from "vitest";

import { assertKept } from "../../bench/cell/cluster.js";
import { CLUSTER } from "../../bench/cells.js";
import { BUCKET_MS, measureOutage } from "../../bench/load/outage.js";
import { cookieOf, sessionBody, sessionId } from "../../bench/load/sessions.js";
import { run } from "../../bench/process.js";

describe("a cluster", () => {
  it("yields no figure if its instances do not share their sessions", async () => {
    const directory = mkdtempSync(join(tmpdir(), "bench-cluster-"));
    onTestFinished(() => {
      rmSync(directory, { recursive: true });
    });
    const task = { ...CLUSTER, contender: "memory", sessions: 1, seconds: 0.1, directory };
    await expect(run(CLUSTER.script, task)).rejects.toThrow("stored is not found");
  });

  it("yields no figure if an acknowledged write was lost", async () => {
    const store = new session.MemoryStore();
    const put = (number: number, views: number): void => {
      store.set(sessionId(number), { ...sessionBody(number), views } as session.SessionData);
    };
    put(1, 1);
    put(2, 0);
    await assertKept(store, [1]);
    await expect(assertKept(store, [1, 2])).rejects.toThrow("was lost");
    await expect(assertKept(store, [3])).rejects.toThrow("was lost");
  });
});

const NUMBERS = new Map(Array.from({ length: 1000 }, (_, number) => [cookieOf(number), number]));

type Answer = (response: ServerResponse, number: number) => void;
const right: Answer = (response, number) => response.end(String(number));
const refused: Answer = (response) => response.writeHead(503).end("no");
const cut: Answer = (response) => response.socket?.destroy();
const hanging: Answer = () => undefined;
const another: Answer = (response, number) => response.end(String(number + 1));

/** What the load has measured with a server that answers one session after the other in these ways. */
async function outage(timeoutMs: number, ...ways: Answer[]) {
  const connections = new Set<unknown>();
  const server = createServer(({ socket, headers }, response) => {
    connections.add(socket);
    const number = NUMBERS.get(headers.cookie ?? "") ?? NaN;
    ways[number % ways.length]?.(response, number);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const killed: unknown[] = [];
  const kill = (...args: unknown[]): true => Boolean(killed.push(args)) as true;
  const { port } = server.address() as AddressInfo;
  const times = { warmMs: 0, beforeMs: BUCKET_MS, afterMs: 10 * BUCKET_MS, timeoutMs };
  const figures = await measureOutage({ port, pid: 7, perSecond: 200 }, kill, times);
  return { ...figures, killed, connections: connections.size };
}

describe("the load of an outage", () => {
  it("kills once, and makes a connection for each request", async () => {
    const { killed, sent, failed, connections } = await outage(10_000, right);
    expect(killed).toEqual([[7, "SIGKILL"]]);
    expect(sent).toBeGreaterThan(0);
    expect(failed).toBe(0);
    expect(connections).toBe(sent);
  });

  it("counts as failed what is refused, cut off, or never answered", async () => {
    const ways = [right, refused, cut, hanging];
    const { sent, failed, acknowledged } = await outage(1000, ...ways);
    const wrong = Array.from({ length: sent }, (_, number) => number).filter((n) => n % 4 > 0);
    expect(failed).toBeGreaterThanOrEqual(wrong.length);
    expect(failed).toBe(sent - acknowledged.length);
    expect(acknowledged.filter((number: number) => wrong.includes(number))).toEqual([]);
  });

  it("sees for how long none was answered, from the kill on", async () => {
    const { silentMs, answered } = await outage(1, hanging);
    expect(silentMs).toBeCloseTo(10 * BUCKET_MS);
    expect(answered).toEqual(Array(11).fill(0));
  });

  it("yields no figure if a session has the content of another", async () => {
    await expect(outage(10_000, another)).rejects.toThrow("session");
  });
});
