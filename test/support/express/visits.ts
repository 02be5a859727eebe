/**
 * Owns visits to the application: the stores that it runs over, a client of it, and what a visit is
 * answered and leaves in the store.
 */
import type express from "express";
import session from "express-session";
import LiteNoSQLStore from "express-session-isolate";
import { expect, onTestFinished } from "vitest";
import { invoke, type Stored } from "../../conformance/subject.js";
import { Client, serve } from "../client.js";
import { tempDirectory } from "../temp-dir.js";
import { answerErrors, application } from "./application.js";

export const HOUR_MS = 3_600_000;

/** Opens a store in the directory, or in memory. */
type OpenStore = (directory: string) => session.Store;

/** The stores whose sessions outlive them. */
export const LASTING: readonly (readonly [
  name: string,
  open: (directory: string) => LiteNoSQLStore,
])[] = [
  ["isolate: true", (directory) => new LiteNoSQLStore({ directory, isolate: true })],
  ["isolate: false", (directory) => new LiteNoSQLStore({ directory, isolate: false })],
  ["encrypted", (directory) => new LiteNoSQLStore({ directory, encryptionKey: "a test's key" })],
];

/** MemoryStore is among them to prove the application. */
export const STORES: readonly (readonly [name: string, open: OpenStore])[] = [
  ["MemoryStore", () => new session.MemoryStore()],
  ...LASTING,
];

/** Opens a store until the test has finished. */
export function openUntilFinished(open: OpenStore): session.Store {
  const store = open(tempDirectory());
  onTestFinished(async () => {
    if (store instanceof LiteNoSQLStore) await store.close();
  });
  return store;
}

/** Starts the application over a store of its own, with more routes where a test needs them. */
export async function start(
  open: OpenStore,
  options: Partial<session.SessionOptions> = {},
  addRoutes: (app: express.Express) => void = () => undefined,
): Promise<{ store: session.Store; client: Client }> {
  const store = openUntilFinished(open);
  const app = application(store, options);
  addRoutes(app);
  answerErrors(app);
  return { store, client: new Client(await serve(app)) };
}

export async function lengthOf(store: session.Store): Promise<unknown> {
  return invoke(store, "callback", "length", []);
}

export async function stored(store: session.Store, sid: string): Promise<Stored | null> {
  return ((await invoke(store, "callback", "get", [sid])) ?? null) as Stored | null;
}

/** What {@link show} answers. */
export interface Shown {
  readonly sid: string;
  readonly user: unknown;
  readonly data: Stored;
}

export async function shown(answer: Promise<{ status: number; body: unknown }>): Promise<Shown> {
  const { status, body } = await answer;
  expect(status, JSON.stringify(body)).toBe(200);
  return body as Shown;
}
