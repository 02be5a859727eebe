/**
 * Owns how the store suite comes by stores of this package: one configuration for each factory. A
 * store that has served a test is emptied and serves the next, since a worker takes a while to
 * start; a test that needs one that is opening, or other options, gets its own.
 */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import LiteNoSQLStore from "express-session-isolate";
import type session from "express-session";
import { afterAll } from "vitest";
import type { Form, StoreFactory, SubjectOptions } from "./subject.js";

/** The options of this package's store. */
export type Options = ConstructorParameters<typeof LiteNoSQLStore>[0];

/** All options except where the files are. */
export type Configuration = Omit<Options, "directory" | "pasta">;

export interface FactoryOptions {
  readonly forms?: readonly Form[];
  readonly reopenAtCheckpoints?: boolean;
}

/** Makes stores of one configuration; to be called while tests are collected. */
export function storeFactory(
  configuration: Configuration,
  { forms = ["callback", "promise"], reopenAtCheckpoints = false }: FactoryOptions = {},
): StoreFactory {
  const idle: LiteNoSQLStore[] = [];
  const optionsOf = new Map<session.Store, { options: Options; reusable: boolean }>();

  const construct = (options: Options, reusable: boolean): LiteNoSQLStore => {
    const store = new LiteNoSQLStore(options);
    optionsOf.set(store, { options, reusable });
    return store;
  };

  afterAll(async () => {
    await Promise.all(idle.map((store) => store.close()));
    for (const { options } of optionsOf.values()) {
      rmSync(options.directory ?? "", { recursive: true, force: true });
    }
  });

  return {
    forms,
    reopenAtCheckpoints,

    open(options?: SubjectOptions) {
      const reusable = options === undefined;
      const { fresh: _, ...given } = options ?? {};
      const directory = (): string =>
        mkdtempSync(join(realpathSync(tmpdir()), "express-session-isolate-"));
      return (
        (reusable ? idle.pop() : undefined) ??
        construct({ ...configuration, ...given, directory: directory() }, reusable)
      );
    },

    async release(released) {
      const store = released as LiteNoSQLStore;
      const reusable = optionsOf.get(store)?.reusable === true;
      const emptied = reusable && (await store.clear().then(always, ifClosed));
      if (emptied) idle.push(store);
      else await store.close();
    },

    async reopen(opened) {
      const known = optionsOf.get(opened);
      if (known === undefined) throw new Error("a store of another factory");
      await (opened as LiteNoSQLStore).close();
      return construct(known.options, known.reusable);
    },
  };
}

function always(): boolean {
  return true;
}

/** False for a store that its test has closed; any other error is one. */
function ifClosed(error: unknown): boolean {
  if ((error as { code?: unknown }).code !== "STORE_CLOSED") throw error;
  return false;
}
