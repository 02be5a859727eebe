/**
 * Owns the contract over a port: every method arrives with its arguments and answers, errors keep
 * their code and cause, and nothing but the methods of the contract can be reached.
 */
import { serialize } from "node:v8";
import { MessageChannel } from "node:worker_threads";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type Engine, ENGINE_METHODS } from "../../src/protocol/contract.js";
import { dispatchTo, engineFrom } from "../../src/protocol/dispatch.js";
import { StoreError } from "../../src/protocol/errors.js";
import { connect, serve } from "../../src/protocol/rpc.js";

class EngineDouble {
  readonly calls: [method: string, args: unknown[]][] = [];
  secret = "a secret of the engine";
  answer: (method: string) => unknown = (method) => ({ answerOf: method });
}

/** Not part of the contract. */
Object.assign(EngineDouble.prototype, { internal: () => "internal" });

for (const method of ENGINE_METHODS) {
  Object.assign(EngineDouble.prototype, {
    async [method](this: EngineDouble, ...args: unknown[]) {
      this.calls.push([method, args]);
      return this.answer(method);
    },
  });
}

function scene() {
  const { port1, port2 } = new MessageChannel();
  onTestFinished(() => port1.close());
  const double = new EngineDouble();
  serve(dispatchTo(double as unknown as Engine), port2);
  return { double, port: port1, connected: () => engineFrom(connect(port1)) };
}

describe("a connected engine", () => {
  it.each(ENGINE_METHODS)("carries %s there and its answer back", async (method) => {
    const { double, connected } = scene();
    const args = [[["sid", '{"a":1}', 5], ["other"]], null, "text"];
    const engine = connected() as unknown as Record<string, (...args: unknown[]) => unknown>;
    expect(await engine[method]!(...args)).toEqual({ answerOf: method });
    expect(double.calls).toEqual([[method, args]]);
  });

  it("has the methods of the contract and no other", () => {
    const { connected } = scene();
    expect(Object.keys(connected()).sort()).toEqual([...ENGINE_METHODS].sort());
  });

  it("is no thenable, so that it can be returned from an async function", async () => {
    const { connected } = scene();
    const engine = connected();
    expect(await Promise.resolve(engine)).toBe(engine);
  });

  it("answers calls in flight each with its own, in their order", async () => {
    const { double, connected } = scene();
    let number = 0;
    double.answer = () => number++;
    const engine = connected();
    const answers = await Promise.all(Array.from({ length: 100 }, () => engine.length()));
    expect(answers).toEqual(Array.from({ length: 100 }, (_, index) => index));
  });

  it("does so where a test has replaced Math.random", async () => {
    const random = vi.spyOn(Math, "random").mockReturnValue(0.5);
    onTestFinished(() => random.mockRestore());
    const { double, connected } = scene();
    let number = 0;
    double.answer = () => number++;
    const engine = connected();
    for (let round = 0; round < 2; round++) {
      number = 0;
      const answers = await Promise.all(Array.from({ length: 20 }, () => engine.length()));
      expect(answers).toEqual(Array.from({ length: 20 }, (_, index) => index));
    }
  });

  it.each<[string, unknown]>([
    ["undefined", undefined],
    ["null", null],
    ["0", 0],
    ["an object with a field error", { error: "x" }],
    ["lone surrogates", ["\ud800", "a\udc00"]],
  ])("keeps the answer %s what it is", async (_, answer) => {
    const { double, connected } = scene();
    double.answer = () => answer;
    expect(await connected().stats()).toEqual(answer);
  });

  describe("whose answer is a long list", () => {
    const ids = Array.from({ length: 100_000 }, (_, n) => `session id ${n} of many`);
    const text = "x".repeat(300_000);
    const sessions = Array.from({ length: 20 }, (_, n) =>
      n % 3 === 0 ? null : n % 3 === 1 ? text : [text, `{"n":${n}}`],
    );

    it.each([
      ["ids", ids],
      ["sessions", sessions],
      ["one session", ["x".repeat(5_000_000)]],
      ["nothing but numbers", Array<number>(100_000).fill(1)],
    ])("has it whole, %s", async (_, answer) => {
      const { double, connected } = scene();
      double.answer = () => answer;
      const engine = connected();
      const [first, second] = await Promise.all([engine.ids(), engine.ids()]);
      expect(first).toEqual(answer);
      expect(second).toEqual(answer);
    });

    it.each([
      ["ids", ids],
      ["sessions", sessions],
    ])("gets it in messages of bounded size, %s", async (_, answer) => {
      const { double, connected, port } = scene();
      double.answer = () => answer;
      const bytes: number[] = [];
      port.on("message", (message) => bytes.push(serialize(message).length));
      await connected().ids();
      expect(Math.max(...bytes)).toBeLessThan(2_000_000);
    });

    it("gets what follows it meanwhile, and is not closed before it has it", async () => {
      const { double, connected } = scene();
      double.answer = (method) => (method === "ids" ? ids : method);
      const engine = connected();
      const order: string[] = [];
      const note = (method: string) => (): number => order.push(method);
      await Promise.all([
        engine.ids().then(note("ids")),
        engine.close().then(note("close")),
        engine.length().then(note("length")),
      ]);
      expect(order).toEqual(["length", "ids", "close"]);
    });
  });

  it("throws what the engine threw, with code and cause", async () => {
    const { double, connected } = scene();
    const errno = Object.assign(new Error("no space"), { code: "ENOSPC" });
    double.answer = () => {
      throw new StoreError("STORE_IO", "cannot write", { cause: errno });
    };
    const error = await connected()
      .compact()
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StoreError);
    expect(error).toMatchObject({ code: "STORE_IO", cause: { code: "ENOSPC" } });
  });

  it("throws what is no error as one", async () => {
    const { double, connected } = scene();
    double.answer = () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- such things are thrown
      throw "text";
    };
    await expect(connected().length()).rejects.toThrow("text");
  });
});

/** comlink's own messages, as somebody at the port could send them. */
describe("a port", () => {
  async function ask(message: object): Promise<{ type?: string; name?: string; value?: unknown }> {
    const { port } = scene();
    const answered = new Promise<object>((resolve) => port.once("message", resolve));
    port.postMessage({ id: "1", ...message });
    return answered;
  }

  it.each([
    ["a field", ["secret"]],
    ["another method", ["internal"]],
    ["the constructor", ["constructor"]],
    ["the prototype", ["__proto__"]],
    ["what all objects have", ["toString"]],
    ["the list of calls", ["calls"]],
  ])("gives nothing for %s", async (_, path) => {
    const answer = await ask({ type: "GET", path });
    expect(answer).toMatchObject({ type: "RAW" });
    expect(answer.value).toBeUndefined();
  });

  it.each([
    ["another method", ["internal"]],
    ["what all objects have", ["toString"]],
    ["the constructor", ["constructor"]],
  ])("calls nothing for %s", async (_, path) => {
    const answer = await ask({ type: "APPLY", path, argumentList: [] });
    expect(answer).toMatchObject({ type: "HANDLER", name: "throw" });
  });

  it("constructs nothing", async () => {
    for (const path of [[], ["get"], ["constructor"]]) {
      const answer = await ask({ type: "CONSTRUCT", path, argumentList: [] });
      expect(answer).toMatchObject({ type: "HANDLER", name: "throw" });
    }
  });

  it.each([
    ["a method", ["get"]],
    ["a new field", ["x"]],
    ["the prototype", ["__proto__"]],
  ])("sets nothing: %s", async (_, path) => {
    const { port, double } = scene();
    const answered = new Promise((resolve) => port.once("message", resolve));
    port.postMessage({ id: "1", type: "SET", path, value: { type: "RAW", value: "changed" } });
    await answered;
    const engine = engineFrom(connect(port));
    expect(await engine.get([])).toEqual({ answerOf: "get" });
    expect(Object.getPrototypeOf(double)).toBe(EngineDouble.prototype);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });
});
