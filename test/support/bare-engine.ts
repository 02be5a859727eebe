/** Owns engines in tests that watch their files or turn their clock: no thread, and no store. */
import { onTestFinished } from "vitest";
import type { StoreOptions } from "../../src/main/options/public.js";
import { resolveOptions } from "../../src/main/options/resolve.js";
import type { DiskEngineConfig } from "../../src/protocol/config.js";
import type { Engine } from "../../src/protocol/contract.js";
import type { StoreError } from "../../src/protocol/errors.js";
import { type Clock, systemClock } from "../../src/worker/ports/clock.js";
import type { Files } from "../../src/worker/ports/files.js";
import { openEngine } from "../../src/worker/disk/engine.js";
import { randomNonce } from "../../src/worker/ports/nonce.js";
import { systemProcesses } from "../../src/worker/ports/process-table.js";
import { tempDirectory } from "./temp-dir.js";
import { WatchedFiles } from "./watched-files.js";
import { listenerTo } from "./listener.js";

/** Far enough for what a test does not want to see expire, or be collected. */
export const FAR_MS = 1e12;

export interface BareEngine {
  readonly engine: Engine;
  readonly disk: WatchedFiles;
  readonly directory: string;
  /** What was reported while nobody waited for an answer. */
  readonly reports: StoreError[];
}

export interface BareOptions extends Partial<Omit<StoreOptions, "directory" | "pasta">> {
  readonly directory?: string;
  readonly clock?: Clock;
  /** By default the real ones. */
  readonly files?: Files;
}

/** What the options come to for an engine. */
export function configOf(options: BareOptions): DiskEngineConfig {
  const { clock: _, files: __, directory = tempDirectory(), ...rest } = options;
  const { engine } = resolveOptions({ gcInterval: FAR_MS, ...rest, directory });
  if (engine.disk === undefined) throw new Error("these options are not for an engine over files");
  return { ...engine, disk: engine.disk };
}

/** Opens an engine on the calling thread, until the test has finished. */
export async function openBare(options: BareOptions = {}): Promise<BareEngine> {
  const config = configOf(options);
  const disk = new WatchedFiles(options.files);
  const reports: StoreError[] = [];
  const engine = await openEngine(
    config,
    listenerTo((error) => reports.push(error)),
    {
      files: disk.files,
      clock: options.clock ?? systemClock,
      processes: systemProcesses(),
      nonce: randomNonce,
    },
  );
  onTestFinished(() => {
    disk.recover();
    return engine.close();
  });
  return { engine, disk, directory: config.disk.directory, reports };
}
