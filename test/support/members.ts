/** Owns stores that share one directory, on the calling thread, over real files and sockets. */
import { onTestFinished } from "vitest";
import type { Engine, EngineStats } from "../../src/protocol/contract.js";
import type { StoreError } from "../../src/protocol/errors.js";
import type { Environment } from "../../src/worker/disk/engine.js";
import { systemClock } from "../../src/worker/ports/clock.js";
import { nodeFiles } from "../../src/worker/ports/node-files.js";
import { randomNonce } from "../../src/worker/ports/nonce.js";
import { systemProcesses } from "../../src/worker/ports/process-table.js";
import { nodeSockets, type Sockets } from "../../src/worker/ports/sockets.js";
import { Member } from "../../src/worker/share/member.js";
import { type ConfigOverrides, engineConfig } from "./engine-world.js";
import { listenerTo } from "./listener.js";

export interface MemberOptions {
  readonly config?: ConfigOverrides;
  readonly environment?: Partial<Environment>;
  readonly sockets?: Sockets;
  readonly reports?: StoreError[];
}

let count = 0;

/** Opens a store that shares, and is closed when the test has finished. */
export async function openMember(
  directory: string,
  { config, environment, sockets = nodeSockets, reports }: MemberOptions = {},
): Promise<Engine> {
  const owner = `store ${++count}`;
  const base = engineConfig(directory, { owner, ...config });
  const { engine } = await Member.open({
    config: { ...base, disk: { ...base.disk, share: true } },
    listener: listenerTo((error) => reports?.push(error)),
    environment: {
      files: nodeFiles,
      clock: systemClock,
      processes: systemProcesses(),
      nonce: randomNonce,
      ...environment,
    },
    sockets,
  });
  onTestFinished(() => engine.close().catch(() => undefined));
  return engine;
}

export async function sharingOf(engine: Engine): Promise<NonNullable<EngineStats["sharing"]>> {
  const { sharing } = await engine.stats();
  if (sharing === undefined) throw new Error("this engine does not share");
  return sharing;
}
