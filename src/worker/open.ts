/** Opens the engine that a configuration is for, on whichever thread. Only that one is loaded. */
import { type EngineConfig, isMoving } from "../protocol/config.js";
import type { Engine, EngineListener } from "../protocol/contract.js";
import type { Files } from "./ports/files.js";
import { nodeFiles } from "./ports/node-files.js";
import type { Opened } from "./share/open.js";

const overFiles = () => import("./share/open.js");

/**
 * @param files through which the engine over files writes, if it is that one
 * @throws StoreError as that engine does
 */
export async function openEngine(
  config: EngineConfig,
  listener: EngineListener,
  files: () => Files = () => nodeFiles,
): Promise<Opened> {
  if (config.redis === undefined) {
    const { openEngine: open, realEnvironment } = await overFiles();
    return open(config, listener, realEnvironment(files()));
  }
  if (isMoving(config)) {
    const { openMovingEngine } = await import("./move/engine.js");
    return overServer(
      await openMovingEngine(config, listener, async (disk) => {
        const { openAlone, realEnvironment } = await overFiles();
        return openAlone(disk, listener, realEnvironment(files()));
      }),
    );
  }
  const { openRedisEngine } = await import("./redis/engine.js");
  return overServer(await openRedisEngine(config, listener));
}

/** Other processes may change what is on a server at any time. */
function overServer(engine: Engine): Opened {
  return { engine, isSuccessor: false };
}
