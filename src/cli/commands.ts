/** The commands: help and parsing are both made from this table. */
import { backup, restore } from "./backups.js";
import { compact, revoke } from "./changing.js";
import type { Exit } from "./failure.js";
import { list, show, stats } from "./looking.js";
import { verify } from "./verifying.js";
import { exportSessions, importSessions } from "./moving.js";
import { FILES, type Given, type OptionName, PLACE } from "./options.js";

export interface Command {
  /** In one line, for the list of all. */
  readonly summary: string;
  /** What there is to know besides. */
  readonly about: string;
  /** What it takes besides options, as the help shows it, and how many of these at most. */
  readonly args?: string;
  readonly options: readonly OptionName[];
  /** The words after the name of the program. */
  readonly example: string;
  readonly run: (given: Given) => Promise<Exit>;
}

export const COMMANDS: Readonly<Record<string, Command>> = {
  stats: {
    summary: "how many sessions there are, and how much room they take",
    about: "Changes nothing.",
    options: [...PLACE, "json"],
    example: "stats --directory ./data",
    run: stats,
  },
  list: {
    summary: "the live sessions, or those of a user",
    about:
      "Changes nothing, and is no use of a session. What the sessions hold is shown with --with-data only. " +
      "A session has a user if its store has the option userOf.",
    options: [...PLACE, "user", "with-data", "json"],
    example: "list --directory ./data --user 123",
    run: list,
  },
  show: {
    summary: "one session",
    about:
      "Changes nothing, and is no use of the session. An id that begins with - comes last, after --.",
    args: "ID",
    options: [...PLACE, "with-data", "json"],
    example: "show --directory ./data --with-data Sx2cQ5…",
    run: show,
  },
  revoke: {
    summary: "end a session, those of a user, or all",
    about:
      "Whoever had it is logged out with the next request. Asks first, unless --yes is given. A session " +
      "has a user if its store has the option userOf. An id that begins with - comes last, after --.",
    args: "[ID]",
    options: [...PLACE, "user", "all", "yes", "json"],
    example: "revoke --directory ./data --user 123 --yes",
    run: revoke,
  },
  verify: {
    summary: "what an opening would find: damage, a torn tail, the key, the lock",
    about:
      "Reads the files as the store does, and changes nothing; a store may have them open. Ends with 3 " +
      "if there is damage, with 5 if the key does not fit.",
    options: [...FILES, "json"],
    example: "verify --directory ./data",
    run: verify,
  },
  backup: {
    summary: "copy the files as they are at one moment, whether a store has them open or not",
    about:
      "The directory must not be there yet; it appears when all of it is on the disk. Encrypted files " +
      "stay encrypted, and no key is needed; with one, the copy is verified. Over Redis, use export.",
    args: "BACKUP",
    options: [...FILES, "json"],
    example: "backup ./backup-monday --directory ./data",
    run: backup,
  },
  restore: {
    summary: "make a directory of a backup",
    about:
      "The directory must be empty, or not be there: move it away if it is. A backup that is cut " +
      "short or damaged is refused.",
    args: "BACKUP",
    options: ["directory", "collection", "json"],
    example: "restore ./backup-monday --directory ./data",
    run: restore,
  },
  export: {
    summary: "the live sessions, with all they hold, as a file that import reads",
    about:
      "Changes nothing. The file is for moving sessions between directories and Redis, and has no " +
      "encryption: keep it as you keep the sessions. Without --output it goes to stdout; a file that is " +
      "there is replaced with --yes only.",
    options: [...PLACE, "output", "yes", "json"],
    example: "export --directory ./data --output sessions.ndjson",
    run: exportSessions,
  },
  import: {
    summary: "store the sessions of an export",
    about:
      "Those that are there under the same id are replaced, the others stay. A file that is cut short " +
      "or damaged is refused before anything is stored, and so is a directory in use. An import that " +
      "was interrupted is finished by running it again.",
    args: "FILE",
    options: [...PLACE, "json"],
    example: "import sessions.ndjson --redis-file redis-url",
    run: importSessions,
  },
  compact: {
    summary: "rewrite the files without what has been replaced or deleted",
    about: "The store does so by itself from time to time.",
    options: [...FILES, "json"],
    example: "compact --directory ./data",
    run: compact,
  },
};
