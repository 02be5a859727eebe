/** The files of a collection. lite-nosql uses the same names, but has no quarantine. */
import { join } from "node:path";

export interface CollectionPaths {
  readonly directory: string;
  readonly journal: string;
  readonly journalTemporary: string;
  readonly snapshot: string;
  readonly snapshotTemporary: string;
  readonly lock: string;
  /** Exists where the sessions were moved elsewhere. */
  readonly departed: string;
  readonly salt: string;
  readonly saltTemporary: string;
  /** The quarantine file with this name part. */
  quarantine(name: string): string;
  /** That of version 1.0. */
  readonly firstQuarantine: string;
  /** Whether this is a quarantine file; that of version 1.0 has no name part. */
  isQuarantine(fileName: string): boolean;
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
    departed: file("migrated"),
    salt: join(directory, ".db.salt"),
    saltTemporary: join(directory, `.db.salt.${collection}.tmp`),
    quarantine: (name) => file(`quarantine.${name}.log`),
    firstQuarantine: file("quarantine.log"),
    isQuarantine: (fileName) =>
      fileName.startsWith(`${collection}.`) &&
      /^quarantine(?:\.[0-9a-f]{16})?\.log$/.test(fileName.slice(collection.length + 1)),
    quarantineTemporary: file("quarantine.log.tmp"),
  };
}
