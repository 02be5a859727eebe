/** The files of a collection, by lite-nosql's names; the last two are this store's own. */
import { join } from "node:path";

export interface CollectionPaths {
  readonly directory: string;
  readonly journal: string;
  readonly journalTemporary: string;
  readonly snapshot: string;
  readonly snapshotTemporary: string;
  readonly lock: string;
  readonly salt: string;
  readonly saltTemporary: string;
  readonly quarantine: string;
  readonly quarantineTemporary: string;
}

export function collectionPaths(directory: string, collection: string): CollectionPaths {
  const file = (suffix: string): string => join(directory, `${collection}.${suffix}`);
  return {
    directory,
    journal: file("wal.log"),
    journalTemporary: file("wal.log.tmp"),
    snapshot: file("snapshot.json"),
    snapshotTemporary: file("snapshot.json.tmp"),
    lock: file("lock"),
    salt: join(directory, ".db.salt"),
    saltTemporary: join(directory, `.db.salt.${collection}.tmp`),
    quarantine: file("quarantine.log"),
    quarantineTemporary: file("quarantine.log.tmp"),
  };
}
