/** Owns what a test is told of a file operation, and how it says that one is to fail. */
export const OPERATIONS = [
  "createDirectory",
  "open",
  "size",
  "read",
  "write",
  "truncate",
  "sync",
  "close",
  "rename",
  "link",
  "remove",
  "list",
  "syncDirectory",
  "identity",
] as const;

export interface Operation {
  readonly kind: (typeof OPERATIONS)[number];
  /** The file or directory; the old name of a file that gets another. */
  readonly path: string;
  /** How many operations there were before. */
  readonly index: number;
}

/** Operations that leave the disk as it is: a power cut before one is a power cut before the next. */
const HARMLESS = new Set<Operation["kind"]>(["size", "read", "close", "list", "identity"]);

export function changesDisk({ kind }: Operation): boolean {
  return !HARMLESS.has(kind);
}

/** How an operation fails. */
export interface Fault {
  readonly code: "EIO" | "ENOSPC" | "EMFILE";
  /** Of a write: this share of the bytes gets through before. */
  readonly share?: number;
}

export interface Witness {
  /** Called before an operation takes effect. */
  readonly before?: (operation: Operation) => void;
  /** Whether and how an operation is to fail. A failed `sync` loses what was to be synced. */
  readonly fault?: (operation: Operation) => Fault | null;
}
