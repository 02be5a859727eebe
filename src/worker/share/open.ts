/** Opens the engine over files: one that shares its collection with other stores, or one that does not. */
import type { DiskEngineConfig } from "../../protocol/config.js";
import type { Engine, EngineListener } from "../../protocol/contract.js";
import { type Environment, openEngine as openAlone, realEnvironment } from "../disk/engine.js";
import { nodeFiles } from "../ports/node-files.js";
import { readOnlyFiles } from "../ports/read-only-files.js";
import { nodeSockets } from "../ports/sockets.js";
import { Member, type Opened } from "./member.js";

export { openAlone, type Opened, realEnvironment };

/**
 * Opens the collection, or joins the store that has it open.
 * @throws StoreError `STORE_LOCKED`, `STORE_KEY_MISMATCH`, `STORE_CORRUPT`, `STORE_FULL`, `STORE_IO`
 */
export async function openEngine(
  config: DiskEngineConfig,
  listener: EngineListener,
  environment: Environment,
): Promise<Opened> {
  if (!config.disk.share) {
    return { engine: await openAlone(config, listener, environment), isSuccessor: true };
  }
  return Member.open({ config, listener, environment, sockets: nodeSockets });
}

/**
 * Joins the store that has the collection open, or the next one that has, and is never the owner: it
 * writes nothing, not even a lock.
 * @throws StoreError as {@link openEngine}; `STORE_IO` because of `EROFS` if there is no owner
 */
export async function joinEngine(
  config: DiskEngineConfig,
  listener: EngineListener,
): Promise<Engine> {
  const environment = realEnvironment(readOnlyFiles(nodeFiles));
  const sockets = { ...nodeSockets, listen: () => Promise.reject(new Error("it is only a guest")) };
  return (await Member.open({ config, listener, environment, sockets })).engine;
}
