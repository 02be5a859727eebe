/**
 * A collection seen from outside, by a program that does not open it: what is in its files, whether a
 * store has it open, and copies of it. Nothing here takes the lock, or writes to the directory.
 */
import type { DiskEngineConfig } from "../../protocol/config.js";
import type { Engine, StoredSession, UserSession } from "../../protocol/contract.js";
import { systemClock } from "../ports/clock.js";
import { isErrno } from "../ports/failure.js";
import { keepAliveDuring } from "../ports/keep-alive.js";
import { nodeFiles } from "../ports/node-files.js";
import { systemProcesses } from "../ports/process-table.js";
import { type CopiedFile, copyBack, copyCollection, type Kind } from "./copying.js";
import type { Damage } from "./damage.js";
import { type Holder, holderOf } from "./lock/lock-holder.js";
import { type CollectionPaths, collectionPaths } from "./paths.js";
import { isLive } from "./pending-write.js";
import { type Reading, readCollection } from "./reading.js";
import { stored } from "./service.js";

export type { CopiedFile, Damage, Holder, Kind, Reading };

/** The calls of an engine that only look. */
export type Looker = Pick<Engine, "ids" | "inspect" | "sessionsOf">;

export class Outside {
  readonly paths: CollectionPaths;
  readonly #config: DiskEngineConfig;

  constructor(config: DiskEngineConfig) {
    const { directory, collection } = config.disk;
    this.#config = config;
    this.paths = collectionPaths(directory, collection);
  }

  /** Whether it has any file. */
  async exists(): Promise<boolean> {
    const { journal, snapshot } = this.paths;
    return (await isThere(journal)) || isThere(snapshot);
  }

  /** Whether its sessions were moved elsewhere, or are being: no store opens it for anything else. */
  isDeparted(): Promise<boolean> {
    return isThere(this.paths.departed);
  }

  /** Who has it open. */
  async holder(): Promise<Holder> {
    const parts = { files: nodeFiles, clock: systemClock, processes: systemProcesses() };
    return keepAliveDuring(holderOf({ ...parts, paths: this.paths }));
  }

  /**
   * @returns null if there is no such collection
   * @throws StoreError as an opening does
   */
  async read(): Promise<Reading | null> {
    const { encryptionKeys, ttlMs } = this.#config;
    return readCollection({
      ...{ files: nodeFiles, paths: this.paths, clock: systemClock, ttlMs },
      passwords: encryptionKeys,
    });
  }

  /** Copies it, as it is at one moment, to a directory where it is not yet. */
  async copyTo(directory: string): Promise<readonly CopiedFile[]> {
    const target = collectionPaths(directory, this.#config.disk.collection);
    return copyCollection(nodeFiles, this.paths, target);
  }

  /**
   * Copies it back to a directory where it is not.
   * @param from where its copy is, and under which name
   * @returns which file is not as it was copied, or null
   */
  async copyBack(
    from: { readonly directory: string; readonly collection: string },
    directory: string,
    copied: readonly CopiedFile[],
  ): Promise<Kind | null> {
    const source = collectionPaths(from.directory, from.collection);
    const target = collectionPaths(directory, this.#config.disk.collection);
    return copyBack(nodeFiles, source, target, copied);
  }

  /** The names of what is beside its files: what a crash has left, and what was set aside. */
  async others(): Promise<{ leftovers: string[]; quarantine: string[] }> {
    const names = await nodeFiles.list(this.paths.directory);
    const { collection } = this.#config.disk;
    const isLeftover = (name: string): boolean =>
      name === `.db.salt.${collection}.tmp` ||
      (name.startsWith(`${collection}.`) &&
        /^(?:wal\.log|snapshot\.json|quarantine\.log)\.tmp$|^lock\..+$|^[0-9a-f]{8}\.sock$/.test(
          name.slice(collection.length + 1),
        ));
    return {
      leftovers: names.filter(isLeftover).sort(),
      quarantine: names.filter((name) => this.paths.isQuarantine(name)).sort(),
    };
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await nodeFiles.identity(path)) !== null;
  } catch (error) {
    if (isErrno(error, "ENOTDIR")) return false;
    throw error;
  }
}

/** Answers from what was read, as an engine would. @param now epoch milliseconds */
export function lookerOver({ collection }: Reading, now: number): Looker {
  const look = (sid: string): StoredSession | null => {
    const session = collection.get(sid);
    return isLive(session, now) ? stored(session) : null;
  };
  return {
    ids: async () =>
      [...collection.sessions()].flatMap(([sid, session]) => (isLive(session, now) ? [sid] : [])),
    inspect: async (sids) => sids.map(look),
    sessionsOf: async (user) =>
      collection
        .idsOf(user)
        .flatMap((sid): UserSession[] => {
          const found = look(sid);
          if (found === null) return [];
          const [session, expiresAt, createdAt] = found;
          return [[sid, session, createdAt ?? 0, expiresAt]];
        })
        .sort(([, , a], [, , b]) => b - a),
  };
}
