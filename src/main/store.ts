/*
 * The express-session store over any base class of that shape: each method one forward. Takes the
 * base as an argument, so that connect-style loaders can bring their own express-session.
 */
import type { EventEmitter } from "node:events";
import type { Store } from "express-session";

import type { EngineListener } from "../protocol/contract.js";
import type { Report } from "../protocol/errors.js";
import { nextTick } from "../protocol/timers.js";
import { type Callback, deliver } from "./callback.js";
import { Client } from "./client.js";
import { ObservedPromise } from "./observed-promise.js";
import { resolveOptions } from "./options/resolve.js";
import { reporter } from "./reporter.js";
import type { IsolatedStoreClass } from "./session-store.js";

/** What the class gets from its base. */
declare class PlainStore extends EventEmitter {
  createSession(...args: Parameters<Store["createSession"]>): ReturnType<Store["createSession"]>;
}

/** The `Store` of an express-session. */
export type StoreBase = abstract new () => Store;

/**
 * Makes the class over a base.
 * @param select picks the options out of the constructor's argument, before they are checked
 */
export function storeClass(
  Base: StoreBase,
  select: (options: unknown) => unknown = (options) => options,
): IsolatedStoreClass {
  // Each method has two forms, which only the interface above can express.
  const Plain = Base as unknown as new () => PlainStore;
  class IsolatedStore extends Plain {
    readonly #report: Report<Error>;
    readonly #client: Client;
    readonly ready: Promise<void>;

    constructor(options: unknown) {
      const settings = resolveOptions(select(options));
      super();
      // Each session middleware adds listeners, and an application may have many over one store.
      this.setMaxListeners(0);
      this.#report = reporter(this);
      const onExpired: EngineListener["onExpired"] = (sessions) => {
        // A listener that throws must not be taken for the engine, nor keep the others from theirs.
        for (const session of sessions) nextTick(() => this.emit("expired", session));
      };
      this.#client = new Client(settings, this.#report, onExpired);
      this.ready = this.#observe(this.#client.ready);
      this.on("newListener", (event) => {
        if (event === "expired") this.#client.watchExpired();
      });
    }

    /** express-session makes the session of a request from what was stored. */
    override createSession(...args: Parameters<Store["createSession"]>) {
      const session = super.createSession(...args);
      this.#client.made(session, args[0].sessionID, args[1]);
      return session;
    }

    get(sid: string, callback?: Callback<object | null>): unknown {
      return this.#deliver(this.#client.get(sid), callback);
    }

    set(sid: string, session: object, callback?: Callback<void>): unknown {
      return this.#deliver(this.#client.set(sid, session), callback);
    }

    touch(sid: string, session: object, callback?: Callback<string>): unknown {
      return this.#deliver(this.#client.touch(sid, session), callback);
    }

    destroy(sid: string, callback?: Callback<number>): unknown {
      return this.#deliver(this.#client.destroy(sid), callback);
    }

    length(callback?: Callback<number>): unknown {
      return this.#deliver(this.#client.length(), callback);
    }

    ids(callback?: Callback<string[]>): unknown {
      return this.#deliver(this.#client.ids(), callback);
    }

    all(callback?: Callback<object[]>): unknown {
      return this.#deliver(this.#client.all(), callback);
    }

    sessionsOf(user: unknown, callback?: Callback<object[]>): unknown {
      return this.#deliver(this.#client.sessionsOf(user), callback);
    }

    destroyAllOf(user: unknown, ...rest: unknown[]): unknown {
      const options = typeof rest[0] === "function" ? undefined : rest.shift();
      const [callback] = rest as [Callback<number> | undefined];
      return this.#deliver(this.#client.destroyAllOf(user, options), callback);
    }

    clear(callback?: Callback<number>): unknown {
      return this.#deliver(this.#client.clear(), callback);
    }

    close(callback?: Callback<void>): unknown {
      return this.#deliver(this.#client.close(), callback);
    }

    compact(callback?: Callback<void>): unknown {
      return this.#deliver(this.#client.compact(), callback);
    }

    stats(callback?: Callback<object>): unknown {
      return this.#deliver(this.#client.stats(), callback);
    }

    get _col(): { compactar(): Promise<void> } {
      return { compactar: () => this.#observe(this.#client.compact()) };
    }

    [Symbol.asyncDispose](): Promise<void> {
      return this.#observe(this.#client.close());
    }

    #deliver<T>(promise: Promise<T>, callback: Callback<T> | undefined): Promise<T> | undefined {
      return deliver(promise, callback, this.#report);
    }

    #observe<T>(promise: Promise<T>): Promise<T> {
      return ObservedPromise.of(promise, this.#report);
    }
  }
  return IsolatedStore as unknown as IsolatedStoreClass;
}
