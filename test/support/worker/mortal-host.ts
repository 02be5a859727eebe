/**
 * Owns hosts of workers that die: what a test asks of them, and the time that passes for them. The
 * test mocks `node:worker_threads` with `watchWorkers`.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { WorkerHost } from "../../../src/main/hosts/worker-host.js";
import type { DiskEngineConfig } from "../../../src/protocol/config.js";
import type { Engine } from "../../../src/protocol/contract.js";
import type { Report } from "../../../src/protocol/errors.js";
import { type BareOptions, configOf, FAR_MS } from "../bare-engine.js";
import { threads } from "./watched-workers.js";
import { listenerTo } from "../listener.js";

export const HEALTHY = new URL("../../../dist/worker.js", import.meta.url);
/** The first spawn, and all attempts to replace a worker before the host gives up. */
export const MAX_SPAWNS = 6;
/** Longer than the host rests after giving up, and than a worker must live to count as well. */
export const REST_MS = 11_000;

export function fixture(name: string): URL {
  return new URL(`../../fixtures/deaths/${name}.js`, import.meta.url);
}

export interface Subject {
  readonly host: WorkerHost;
  readonly engine: Engine;
  readonly config: DiskEngineConfig;
  readonly reports: unknown[];
  readonly file: (name: string) => string;
}

/** A host of a worker of this file, over a directory of its own unless one is given. */
export function host(file: URL, options: BareOptions = {}, report?: Report<Error>): Subject {
  const config = configOf(options);
  const reports: unknown[] = [];
  const subject = new WorkerHost({
    file,
    config,
    listener: listenerTo(report ?? (({ code }) => reports.push(code))),
  });
  subject.ready.catch(() => undefined);
  const close = subject.engine.close.bind(subject.engine);
  let closing: Promise<void> | null = null;
  // A store closes its host once.
  subject.engine.close = () => (closing ??= close());
  onTestFinished(() => subject.engine.close());
  return {
    host: subject,
    engine: subject.engine,
    config,
    reports,
    file: (name) => join(config.disk.directory, name),
  };
}

/** Ids and texts of sessions that never expire, as writes. */
export function sessions(...entries: [sid: string, text: string][]): [string, string, number][] {
  return entries.map(([sid, text]) => [sid, `{"text":"${text}"}`, Date.now() + FAR_MS]);
}

export async function texts(engine: Engine, ...sids: string[]): Promise<unknown[]> {
  const found = await engine.get(sids);
  return found.map((json) => (json === null ? null : (JSON.parse(String(json)) as unknown)));
}

export const text = (value: string): unknown => ({ text: value });

/** Lets everything happen that is only a matter of turns. */
export async function settleDown(): Promise<void> {
  for (let turns = 0; turns < 200; turns++) await turn();
}

/** How often the session `poison <name> …` has killed a worker. */
export function deathsBy({ file }: Subject, name: string): number {
  return statSync(file(`${name}.deaths`), { throwIfNoEntry: false })?.size ?? 0;
}

/** Has a test begin without threads. */
export function beginAnew(): void {
  threads.spawned.length = 0;
  threads.given.length = 0;
  threads.options = {};
  threads.refused = false;
}
