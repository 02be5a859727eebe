/**
 * Owns how calls travel: all of them as comlink calls, those of one tick together, none past an
 * earlier one for the same session.
 */
import { setImmediate as turn } from "node:timers/promises";
import LiteNoSQLStore from "express-session-isolate";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { Batcher } from "../../src/main/batch.js";
import { WorkerHost } from "../../src/main/hosts/worker-host.js";
import type { Engine, Touch, Write } from "../../src/protocol/contract.js";
import { configOf, FAR_MS } from "../support/bare-engine.js";
import { type Random, SEED, seededRandom } from "../support/random.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";
import { listenerTo } from "../support/listener.js";

/** Every message that a host has posted to its worker. */
const posted = vi.hoisted<unknown[]>(() => []);

vi.mock("node:worker_threads", async (importOriginal) => {
  const original = await importOriginal<typeof import("node:worker_threads")>();
  class WatchedChannel extends original.MessageChannel {
    constructor() {
      super();
      const { port1 } = this;
      const post: (message: unknown, transfer?: never) => void = port1.postMessage.bind(port1);
      port1.postMessage = (message: unknown, transfer?: never) => {
        posted.push(message);
        post(message, transfer);
      };
    }
  }
  return { ...original, MessageChannel: WatchedChannel };
});

beforeEach(() => {
  posted.length = 0;
});

/** A session that does not expire, as a write. */
function session(sid: string, text = sid): Write {
  return [sid, JSON.stringify({ text }), Date.now() + FAR_MS];
}

function touch(sid: string): Touch {
  return [sid, null, Date.now() + FAR_MS];
}

/**
 * The methods that the messages since the last look call; what is no call of comlink's, as it is. But
 * for the message by which comlink lets go of what an earlier test has closed, whenever that is
 * garbage collected.
 */
function calls(): unknown[] {
  return posted.splice(0).flatMap((message) => {
    const { type, path } = message as { type?: unknown; path?: unknown };
    if (type === "RELEASE") return [];
    return type === "APPLY" && Array.isArray(path) ? path.join(".") : message;
  });
}

describe("over the port", () => {
  /** A worker until the test has finished, unless the test closes it. */
  async function open(closes = false): Promise<{ engine: Engine; batch: Batcher }> {
    const host = new WorkerHost({
      file: new URL("../../dist/worker.js", import.meta.url),
      config: configOf({}),
      listener: listenerTo((error) => {
        throw error;
      }),
    });
    if (!closes) onTestFinished(() => host.engine.close());
    await host.ready;
    return { engine: host.engine, batch: new Batcher(host.engine, 1e9) };
  }

  it("every call is one comlink call, and there is nothing else", async () => {
    const { engine } = await open(true);
    const [write, update] = [session("a"), touch("a")];
    await engine.write([write]);
    await engine.touch([update]);
    await engine.get(["a"]);
    await engine.length();
    await engine.ids();
    await engine.stats();
    await engine.compact();
    await engine.clear();
    const methods = ["write", "touch", "get", "length", "ids", "stats", "compact", "clear"];
    expect(calls()).toEqual(methods);
    await engine.close();
    expect(calls()).toEqual(["close"]);
  });

  it("the gets of a tick are one message, as are its writes and its touches", async () => {
    const { batch } = await open();
    const sids = Array.from({ length: 100 }, (_, index) => `sid ${index}`);
    await Promise.all(sids.map((sid) => batch.write(session(sid))));
    expect(calls()).toEqual(["write"]);
    await Promise.all(sids.map((sid) => batch.touch(touch(sid))));
    expect(calls()).toEqual(["touch"]);
    await Promise.all(sids.slice(0, 20).map((sid) => batch.get(sid)));
    expect(calls()).toEqual(["get"]);
    const mixed = sids.slice(0, 60).map((sid, index): Promise<unknown> => {
      if (index % 3 === 0) return batch.get(sid);
      return index % 3 === 1 ? batch.touch(touch(sid)) : batch.write([sid]);
    });
    await Promise.all(mixed);
    expect(calls().sort()).toEqual(["get", "touch", "write"]);
  });

  it("of many gets some do not wait for the end of the tick, and are not many messages", async () => {
    const { batch } = await open();
    const gets = Array.from({ length: 10_000 }, (_, index) => batch.get(`sid ${index}`));
    const early = calls();
    expect(early.length).toBeGreaterThan(0);
    expect(early.length).toBeLessThan(10);
    await Promise.all(gets);
    expect(calls().length).toBeLessThan(10);
  });

  it("a call for a session that waits in another message sends that message first", async () => {
    const { batch } = await open();
    const outcomes = await Promise.all([
      batch.write(session("a", "first")),
      batch.get("b"),
      batch.get("a"),
      batch.write(session("a", "second")),
      batch.get("a"),
      batch.touch(touch("a")),
      batch.write(["a"]),
      batch.touch(touch("a")),
    ]);
    expect(calls()).toEqual(["write", "get", "write", "get", "touch", "write", "touch"]);
    const [first, second] = ["first", "second"].map((text) => JSON.stringify({ text }));
    expect(outcomes).toEqual([0, null, first, 1, second, true, 1, false]);
  });
});

it("while a call is under way, all that a turn of the event loop brings shares a message", async () => {
  const sent: (readonly string[])[] = [];
  let answer!: () => void;
  const answered = new Promise<void>((resolve) => (answer = resolve));
  const missing: Pick<Engine, "get" | "touch" | "write"> = {
    get: async (sids) => {
      sent.push(sids);
      await answered;
      return sids.map(() => null);
    },
    touch: () => Promise.resolve([]),
    write: () => Promise.resolve([]),
  };
  const batch = new Batcher(missing, 1e9);
  const first = batch.get("first");
  await turn();
  const others = [
    batch.get("a"),
    Promise.resolve().then(() => batch.get("b")),
    new Promise((resolve) => process.nextTick(resolve)).then(() => batch.get("c")),
  ];
  await until(() => sent.length > 1);
  expect(sent).toEqual([["first"], ["a", "b", "c"]]);
  answer();
  expect(await Promise.all([first, ...others])).toEqual([null, null, null, null]);
});

type Session = Record<string, unknown>;

/** What a store must answer to calls that are made one after the other. */
class Model {
  readonly #sessions = new Map<string, Session>();

  set(sid: string, value: Session): undefined {
    this.#sessions.set(sid, structuredClone(value));
    return undefined;
  }

  get(sid: string): Session | null {
    return structuredClone(this.#sessions.get(sid) ?? null);
  }

  touch(sid: string, { cookie }: Session): string {
    const session = this.#sessions.get(sid);
    if (session !== undefined) this.#sessions.set(sid, { ...session, cookie });
    return session === undefined ? "EXPIRED" : "OK";
  }

  destroy(sid: string): number {
    return Number(this.#sessions.delete(sid));
  }

  clear(): number {
    const { size } = this.#sessions;
    this.#sessions.clear();
    return size;
  }

  length(): number {
    return this.#sessions.size;
  }

  ids(): string[] {
    return [...this.#sessions.keys()].sort();
  }
}

/** Methods with how often they are called. */
const LOADS: readonly [method: keyof Model, weight: number][] = [
  ["get", 30],
  ["set", 25],
  ["touch", 20],
  ["destroy", 15],
  ["length", 2],
  ["ids", 2],
  ["clear", 1],
];
const METHODS = LOADS.flatMap(([method, weight]) => Array<keyof Model>(weight).fill(method));

function argumentsOf(method: keyof Model, random: Random, step: number): unknown[] {
  const sid = `sid ${random.integer(4)}`;
  const cookie = { originalMaxAge: FAR_MS, step };
  if (method === "set") return [sid, { cookie, step }];
  if (method === "touch") return [sid, { cookie }];
  return method === "get" || method === "destroy" ? [sid] : [];
}

function call(target: object, method: string, args: unknown[]): unknown {
  return Reflect.apply(Reflect.get(target, method) as () => unknown, target, args);
}

describe.each([
  { isolate: true },
  { isolate: false },
  { isolate: true, encryptionKey: "a key of the test's own", durable: false },
])("calls that nobody waits for, %o", (configuration) => {
  it(`take effect in their order (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const store = new LiteNoSQLStore({ ...configuration, directory: tempDirectory() });
    onTestFinished(() => store.close());
    const model = new Model();
    const script: string[] = [];
    const expected: unknown[] = [];
    const answers: Promise<unknown>[] = [];
    for (let step = 0; step < 4000; step++) {
      const method = random.pick(METHODS);
      const args = argumentsOf(method, random, step);
      script.push(`${step}: ${JSON.stringify([method, ...args])}`);
      expected.push(call(model, method, args));
      const answer = call(store, method, args) as Promise<unknown>;
      answers.push(method === "ids" ? answer.then((ids) => (ids as string[]).sort()) : answer);
      const pause = random.integer(20);
      if (pause === 0) await turn();
      else if (pause === 1) await Promise.resolve();
      else if (pause === 2 && random.integer(20) === 0) await answers.at(-1);
    }
    const outcomes = await Promise.all(answers);
    for (const [step, outcome] of outcomes.entries()) {
      const history = script.slice(Math.max(0, step - 40), step + 1).join("\n");
      expect(outcome, `seed ${SEED}\n${history}`).toEqual(expected[step]);
    }
  });
});
