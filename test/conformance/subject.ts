/**
 * Owns how tests call a store: by either form of its methods, with a callback or for a promise.
 * Holds every callback to its contract: called once, and not before the method has returned.
 */
import type session from "express-session";
import type { Stored } from "../support/session-values.js";

export type { Stored };

/** The ways to call a method of a store. */
export type Form = "callback" | "promise";

/** What a test may ask of its store. */
export interface SubjectOptions {
  /** One that has served no other test: it is opening still. */
  readonly fresh?: true;
  readonly ttl?: number | ((session: session.SessionData) => number);
  readonly ttlMs?: number;
}

/** Makes the stores of one kind and configuration. */
export interface StoreFactory {
  /** A store without sessions, for one test. */
  open(options?: SubjectOptions): session.Store;
  /** Takes the store back, whatever its state. */
  release(store: session.Store): Promise<void>;
  /** Closes the store and opens another over the same sessions. */
  reopen?(store: session.Store): Promise<session.Store>;
  /** Whether {@link Subject.checkpoint} reopens. */
  readonly reopenAtCheckpoints?: boolean;
  /** The forms to call it by; both, if not said. */
  readonly forms?: readonly Form[];
}

/**
 * Calls a method of the store and answers what it reports. What it throws is thrown: a store
 * reports, and throws nothing.
 */
export function invoke(
  store: session.Store,
  form: Form,
  method: string,
  args: readonly unknown[],
): Promise<unknown> {
  const implementation: unknown = Reflect.get(store, method);
  if (typeof implementation !== "function") throw new Error(`the store has no ${method}`);
  if (form === "promise") {
    const answer: unknown = Reflect.apply(implementation, store, args);
    if (!(answer instanceof Promise)) throw new Error(`${method} answered no promise`);
    return answer;
  }
  let resolve!: (value: unknown) => void;
  let reject!: (error: unknown) => void;
  const answer = new Promise((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  let calls = 0;
  let returned = false;
  const callback = (error: unknown, value?: unknown): void => {
    calls += 1;
    // Nothing catches this: it ends the test run, whenever it comes.
    if (calls > 1) throw new Error(`${method} called its callback ${calls} times`);
    if (!returned) reject(new Error(`${method} called its callback before it returned`));
    else if (error) reject(error);
    else resolve(value);
  };
  Reflect.apply(implementation, store, [...args, callback]);
  returned = true;
  return answer;
}

function asJson(answer: unknown): unknown {
  return answer === undefined ? undefined : (JSON.parse(JSON.stringify(answer)) as unknown);
}

/** A store under test, called by one form. Calls are made at once, in the order of these methods. */
export class Subject {
  readonly #factory: StoreFactory;
  readonly #form: Form;
  #store: session.Store;

  constructor(factory: StoreFactory, form: Form, options?: SubjectOptions) {
    this.#factory = factory;
    this.#form = form;
    this.#store = factory.open(options);
  }

  get store(): session.Store {
    return this.#store;
  }

  /** Sessions are answered as JSON has them: whether `expires` is a date has a test of its own. */
  call(method: string, ...args: unknown[]): Promise<unknown> {
    const answer = this.callRaw(method, ...args);
    return method === "get" || method === "all" ? answer.then(asJson) : answer;
  }

  callRaw(method: string, ...args: unknown[]): Promise<unknown> {
    return invoke(this.#store, this.#form, method, args);
  }

  /** The session, or null where there is none. */
  async get(sid: string): Promise<Stored | null> {
    return ((await this.call("get", sid)) ?? null) as Stored | null;
  }

  async set(sid: string, session: unknown): Promise<void> {
    await this.call("set", sid, session);
  }

  async touch(sid: string, session: unknown): Promise<void> {
    await this.call("touch", sid, session);
  }

  async destroy(sid: string): Promise<void> {
    await this.call("destroy", sid);
  }

  async clear(): Promise<void> {
    await this.call("clear");
  }

  async length(): Promise<number> {
    return (await this.call("length")) as number;
  }

  /** The ids of what `all` lists, sorted: an array of sessions with their ids, or a map by id. */
  async listed(): Promise<string[]> {
    const all = (await this.call("all")) as Stored[] | Record<string, Stored>;
    const sids = Array.isArray(all) ? all.map(({ id }) => String(id)) : Object.keys(all);
    return sids.sort();
  }

  /** Closes the store and goes on with another over the same sessions. */
  async reopen(): Promise<void> {
    if (!this.#factory.reopen) throw new Error("such a store cannot be reopened");
    this.#store = await this.#factory.reopen(this.#store);
  }

  /** A moment between writing and reading at which reopening the store must change nothing. */
  async checkpoint(): Promise<void> {
    if (this.#factory.reopenAtCheckpoints === true) await this.reopen();
  }

  async release(): Promise<void> {
    await this.#factory.release(this.#store);
  }
}
