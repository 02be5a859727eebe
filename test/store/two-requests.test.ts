/**
 * Owns what two requests of one session leave, in each order of their calls: what the one has ended,
 * the other does not bring back, and what either stores while the session lives is stored.
 */
import session from "express-session";
import IsolatedStore from "express-session-isolate";
import { describe, expect, it, onTestFinished } from "vitest";
import { invoke } from "../conformance/subject.js";
import { cookie } from "../support/session-values.js";
import { tempDirectory } from "../support/temp-dir.js";

/** What requests do once they have loaded their session, call by call. */
const SCRIPTS = {
  set: ["save"],
  "save twice": ["save", "save"],
  touch: ["touch"],
  reload: ["reload", "save"],
  regenerate: ["regenerate", "save", "save"],
  destroy: ["destroy", "save"],
  clear: ["clear", "save"],
  destroyAllOf: ["destroyAllOf", "save"],
} as const satisfies Record<string, readonly Step[]>;

type Step =
  "load" | "save" | "touch" | "reload" | "regenerate" | "destroy" | "clear" | "destroyAllOf";

/** What comes after these needs their answers. */
const AWAITED: ReadonlySet<Step> = new Set(["load", "reload", "regenerate"]);

type Session = session.Session & { user?: string; n?: number };

/** As much of a request as a store sees. */
interface Request {
  sessionID: string;
  session: Session;
  readonly sessionStore: IsolatedStore;
}

/** What there must be: the user and the number of each session, by id. */
type Model = Map<string, { readonly user: string; readonly n: number }>;

/** A request with its session object, over the store and over the model. */
class Visit {
  readonly #request: Request;
  readonly #store: IsolatedStore;
  readonly #model: Model;
  /** The ids under which the object of this request was loaded or stored. */
  #known = new Set<string>();

  constructor(store: IsolatedStore, model: Model, sid: string) {
    this.#request = { sessionID: sid, sessionStore: store } as Request;
    this.#store = store;
    this.#model = model;
  }

  /** Makes a call. @param n what the session has if it is stored */
  async make(step: Step, n: number): Promise<void> {
    if (step === "load") await this.#load();
    else if (step === "save") await this.#save(n);
    else if (step === "reload") await this.#reload();
    else if (step === "regenerate") await this.#regenerate();
    else await this.#callStore(step);
  }

  async #callStore(step: "touch" | "destroy" | "clear" | "destroyAllOf"): Promise<void> {
    const { sessionID: sid, session: object } = this.#request;
    if (step === "touch") {
      const isLive = this.#model.has(sid);
      expect(await this.#store.touch(sid, object)).toBe(isLive ? "OK" : "EXPIRED");
      return;
    }
    const ended = [...this.#model.keys()].filter((id) =>
      step === "destroy" ? id === sid : step === "clear" || this.#model.get(id)?.user === "ann",
    );
    for (const id of ended) this.#model.delete(id);
    const argument = { destroy: sid, clear: undefined, destroyAllOf: "ann" }[step];
    expect(await invoke(this.#store, "promise", step, [argument])).toBe(ended.length);
  }

  /** As the middleware does: a request whose session is gone gets a new one. */
  async #load(): Promise<void> {
    const { sessionID: sid } = this.#request;
    const expected = this.#model.get(sid)?.n;
    const found = (await this.#store.get(sid)) as Session | null;
    expect(found?.n).toBe(expected);
    if (found === null) generate(this.#store, this.#request);
    else this.#store.createSession(this.#request as never, found);
    this.#known = new Set(found === null ? [] : [sid]);
  }

  async #save(n: number): Promise<void> {
    const { sessionID: sid, session: object } = this.#request;
    if (!this.#known.has(sid) || this.#model.has(sid)) this.#model.set(sid, { user: "ann", n });
    this.#known.add(sid);
    Object.assign(object, { user: "ann", n });
    await called((callback) => object.save(callback));
  }

  async #reload(): Promise<void> {
    const { sessionID: sid, session: object } = this.#request;
    const isThere = this.#model.has(sid);
    const reloading = called((callback) => object.reload(callback));
    if (isThere) await reloading;
    else await expect(reloading).rejects.toThrow("failed to load session");
    if (isThere) this.#known = new Set([sid]);
  }

  async #regenerate(): Promise<void> {
    const { sessionID: sid, session: object } = this.#request;
    this.#model.delete(sid);
    await called((callback) => object.regenerate(callback));
    this.#known = new Set();
  }
}

/** Gives a request a new session, as the middleware does; the types have no such method. */
function generate(store: IsolatedStore, request: Request): void {
  (store as unknown as { generate: (request: Request) => void }).generate(request);
}

function called(make: (callback: (error?: Error) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    make((error) => (error ? reject(error) : resolve()));
  });
}

/** All orders of the calls of two requests: which of them makes the next one. */
function* orders(first: number, second: number): Generator<(0 | 1)[]> {
  if (first === 0 && second === 0) yield [];
  if (first > 0) for (const rest of orders(first - 1, second)) yield [0, ...rest];
  if (second > 0) for (const rest of orders(first, second - 1)) yield [1, ...rest];
}

const NAMES = Object.keys(SCRIPTS) as (keyof typeof SCRIPTS)[];
const PAIRS = NAMES.flatMap((one, index) =>
  NAMES.slice(index).map((other) => [one, other] as const),
);

const KINDS = [
  ["isolate: true", true],
  ["isolate: false", false],
] as const;

async function open(isolate: boolean): Promise<IsolatedStore> {
  const directory = tempDirectory();
  const store = new IsolatedStore({ directory, isolate, userOf: "user", durable: false });
  onTestFinished(() => store.close());
  // It gives the store its `generate`.
  session({ secret: "a test's", resave: false, saveUninitialized: false, store });
  await store.ready;
  return store;
}

/** Makes the calls of two requests of the same session in this order. */
async function play(
  store: IsolatedStore,
  scripts: readonly (readonly Step[])[],
  order: readonly (0 | 1)[],
  atOnce: boolean,
): Promise<void> {
  await store.clear();
  const model: Model = new Map([
    ["theirs", { user: "ann", n: 0 }],
    ["another's", { user: "bob", n: 0 }],
  ]);
  for (const [sid, data] of model) await store.set(sid, { cookie: cookie(), ...data } as never);
  const visits = scripts.map(() => new Visit(store, model, "theirs"));
  const steps = scripts.map((script): Step[] => ["load", ...script]);
  const made: Promise<void>[] = [];
  for (const [at, which] of order.entries()) {
    const step = steps[which]!.shift()!;
    const done = visits[which]!.make(step, at + 1);
    if (!atOnce || AWAITED.has(step)) await done;
    else made.push(done);
  }
  await Promise.all(made);
  const left = (await store.all()) as { id: string; n?: number }[];
  const found = left.map(({ id, n }) => [id, n] as const);
  const what = `${JSON.stringify(scripts)} in the order ${order.join("")}`;
  expect(new Map(found), what).toEqual(new Map([...model].map(([id, { n }]) => [id, n])));
}

describe.each(KINDS)("%s", (_, isolate) => {
  it.each(PAIRS)("a request to %s and one to %s, in each order of their calls", async (...pair) => {
    const store = await open(isolate);
    const scripts = pair.map((name) => SCRIPTS[name]);
    const [first, second] = scripts.map(({ length }) => length + 1) as [number, number];
    for (const order of orders(first, second)) {
      for (const atOnce of [false, true]) await play(store, scripts, order, atOnce);
    }
  });
});

it.each(KINDS)(
  "a new session that was refused is stored when it is saved again, %s",
  async (_, isolate) => {
    const store = new IsolatedStore({ directory: tempDirectory(), isolate, maxPendingBytes: 1 });
    onTestFinished(() => store.close());
    session({ secret: "a test's", resave: false, saveUninitialized: false, store });
    const request = { sessionStore: store } as Request;
    generate(store, request);
    const save = (): Promise<void> => called((callback) => request.session.save(callback));
    const other = store.set("another's", { cookie: cookie() } as never);
    await expect(save()).rejects.toMatchObject({ code: "STORE_OVERLOADED" });
    await other;
    await save();
    expect((await store.ids()).sort()).toEqual(["another's", request.sessionID].sort());
  },
);
