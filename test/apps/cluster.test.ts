/**
 * Owns a cluster over one directory, as its visitors see it over HTTP: whichever instance answers, and
 * whatever becomes of the instances, each session counts on without a gap. Where an instance is killed,
 * a request that it had may have counted or not.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { Agent, get } from "node:http";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";

const CLUSTERED = fileURLToPath(new URL("../fixtures/clustered.js", import.meta.url));

interface Answer {
  readonly status: number;
  readonly cookie: string | null;
  readonly body: { readonly visits: number | null; readonly pid: number };
}

/** A connection of its own for each request, so that the instances take turns. */
const agent = new Agent({ keepAlive: false });

async function request(port: number, path: string, cookie: string): Promise<Answer> {
  const options = { port, path, agent, host: "127.0.0.1", headers: { cookie } };
  const [response] = (await once(get(options), "response")) as [
    import("node:http").IncomingMessage,
  ];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return {
    status: response.statusCode ?? 0,
    cookie: response.headers["set-cookie"]?.[0]?.split(";")[0] ?? null,
    body: JSON.parse(Buffer.concat(chunks).toString()) as Answer["body"],
  };
}

async function start(isolate: boolean, instances = 2, env: NodeJS.ProcessEnv = {}) {
  const primary = fork(CLUSTERED, [tempDirectory(), String(isolate), String(instances)], {
    env: { ...process.env, ...env },
    execArgv: [],
  });
  onTestFinished(() => void primary.kill("SIGKILL"));
  const [{ port }] = (await once(primary, "message")) as [{ port: number }];
  const tell = async (command: string): Promise<void> => {
    primary.send(command);
    await once(primary, "message");
  };
  return { port, tell };
}

/** Visits until it is told to stop. @returns how often */
async function visit(port: number, pids: Set<number>, run: { stop: boolean }): Promise<number> {
  let cookie = "";
  let visits = 0;
  while (!run.stop) {
    const answer = await request(port, "/visit", cookie);
    expect(answer.status).toBe(200);
    expect(answer.body.visits).toBe(++visits);
    cookie = answer.cookie ?? cookie;
    pids.add(answer.body.pid);
  }
  return visits;
}

/**
 * By default the primary accepts the connections. One that it passes to an instance which is killed
 * before it takes it stays open in the primary, and whoever made it waits for ever. So here the
 * instances accept for themselves.
 */
const EACH_ACCEPTS = { NODE_CLUSTER_SCHED_POLICY: "none" };

/** What the visitors of a cluster, of which some instances are killed, have in common. */
interface Siege {
  kills: number;
  stop: boolean;
  readonly pids: Set<number>;
}

class SteadfastVisitor {
  /** What was answered last. */
  visits = 0;
  /** How often its connection was cut: once for each kill at most. */
  cuts = 0;
  /** The requests since then that may have counted. */
  #unsure = 0;
  #cookie = "";

  /** Visits until it is told to stop, again when a kill has cut its connection. */
  async visit(port: number, siege: Siege): Promise<void> {
    while (!siege.stop) {
      const answer = await request(port, "/visit", this.#cookie).catch((error: unknown) => {
        expect(error).toMatchObject({ code: "ECONNRESET" });
        expect(this.cuts).toBeLessThan(siege.kills);
        return null;
      });
      if (answer === null) {
        this.cuts++;
        this.#unsure++;
      } else this.#answered(answer, siege);
    }
  }

  #answered({ status, cookie, body }: Answer, { pids }: Siege): void {
    expect(status).toBe(200);
    const visits = body.visits ?? 0;
    expect(visits).toBeGreaterThan(this.visits);
    // Without a cookie so far, each request had a session of its own.
    expect(visits).toBeLessThanOrEqual(this.visits + this.#unsure + 1);
    this.visits = visits;
    this.#unsure = 0;
    this.#cookie = cookie ?? this.#cookie;
    pids.add(body.pid);
  }
}

describe.each([true, false])("a cluster, isolate: %s,", (isolate) => {
  it("counts without a gap, and refuses nobody, while it is reloaded twice", async () => {
    const { port, tell } = await start(isolate);
    const pids = new Set<number>();
    const run = { stop: false };
    const visitors = Promise.all(Array.from({ length: 6 }, () => visit(port, pids, run)));
    await tell("reload");
    await tell("reload");
    run.stop = true;
    for (const visits of await visitors) expect(visits).toBeGreaterThan(0);
    expect(pids.size).toBeGreaterThanOrEqual(3);
  });

  it("knows in all instances who has logged out", async () => {
    const { port } = await start(isolate);
    const { cookie } = await request(port, "/visit", "");
    await request(port, "/logout", cookie ?? "");
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => request(port, "/look", cookie ?? "")),
    );
    expect(answers.map(({ body }) => body.visits)).toEqual(answers.map(() => null));
    expect(new Set(answers.map(({ body }) => body.pid)).size).toBe(2);
  });

  it.each([2, 3])("loses nothing and hangs nowhere while the owner of %i is killed", async (n) => {
    const { port, tell } = await start(isolate, n, EACH_ACCEPTS);
    const gone = await request(port, "/visit", "");
    await request(port, "/logout", gone.cookie ?? "");
    const siege: Siege = { kills: 0, stop: false, pids: new Set() };
    const visitors = Array.from({ length: 6 }, () => new SteadfastVisitor());
    const visiting = Promise.all(visitors.map((visitor) => visitor.visit(port, siege)));
    const visited = async (): Promise<void> => {
      const before = visitors.map(({ visits }) => visits);
      const areAllOn = () => visitors.every(({ visits }, index) => visits > (before[index] ?? 0));
      await Promise.race([visiting, until(areAllOn)]);
    };
    for (; siege.kills < 3;) {
      await visited();
      siege.kills++;
      await tell("kill the owner");
    }
    await visited();
    siege.stop = true;
    await visiting;
    expect(siege.pids.size).toBeGreaterThanOrEqual(3);
    expect((await request(port, "/look", gone.cookie ?? "")).body.visits).toBeNull();
  });
});
