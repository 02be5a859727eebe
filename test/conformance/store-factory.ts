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

/** All options except where the sessions are. */
export type Configuration = Omit<Options, "directory" | "pasta" | "redis">;

export interface FactoryOptions {
  readonly forms?: readonly Form[];
  readonly reopenAtCheckpoints?: boolean;
  /** Where the sessions of a store are; files, if not said. */
  readonly place?: () => Pick<Options, "directory" | "redis">;
}

/** Makes stores of one configuration; to be called while tests are collected. */
export function storeFactory(
  configuration: Configuration,
  {
    forms = ["callback", "promise"],
    reopenAtCheckpoints = false,
    place = files,
  }: FactoryOptions = {},
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
      if (options.directory !== undefined) {
        rmSync(options.directory, { recursive: true, force: true });
      }
    }
  });

  return {
    forms,
    reopenAtCheckpoints,

    open(options?: SubjectOptions) {
      const reusable = options === undefined;
      const { fresh: _, ...given } = options ?? {};
      const all = (): Options => ({ ...configuration, ...given, ...place() }) as Options;
      return (reusable ? idle.pop() : undefined) ?? construct(all(), reusable);
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

function files(): Pick<Options, "directory"> {
  return { directory: mkdtempSync(join(realpathSync(tmpdir()), "express-session-isolate-")) };
}

function always(): boolean {
  return true;
}

/** False for a store that its test has closed; any other error is one. */
function ifClosed(error: unknown): boolean {
  if ((error as { code?: unknown }).code !== "STORE_CLOSED") throw error;
  return false;
}
