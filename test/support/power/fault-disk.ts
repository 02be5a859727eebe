/**
 * Owns a disk that forgets: for each file what was written and what of that was fsynced, for each
 * directory which entries it has and which of them were. Knows no calls and no failures of calls:
 * those are in `fault-files.ts`.
 *
 * It promises as little as POSIX does: fsync of a file says nothing about its name, and what was not
 * fsynced may reach the disk in any order, and in part.
 */
import type { Random } from "../random.js";

/**
 * What a power cut leaves of what was not fsynced. Some: for each file and each directory on its own
 * either the first operations, the last of them torn, or each operation or not.
 */
export const CUTS = ["nothing", "some", "everything"] as const;
export type Cut = (typeof CUTS)[number];

/** A write, or a new length. `lost`: an fsync of it failed, and a later one does not write it. */
type Change =
  | { readonly at: number; readonly bytes: Buffer; readonly lost: boolean }
  | { readonly length: number; readonly lost: boolean };

/** A name given to a node, one taken away, or both at once. */
interface EntryChange {
  readonly add?: readonly [name: string, node: Node];
  readonly remove?: string;
}

export type Node = FileNode | DirectoryNode;

/** A file, whatever its names. Its buffers are never changed in place, so copies share them. */
export class FileNode {
  /** What reading finds. */
  content: Buffer;
  /** What is on the disk for certain. */
  #stored: Buffer;
  #pending: Change[] = [];

  constructor(content: Buffer = Buffer.alloc(0)) {
    this.content = content;
    this.#stored = content;
  }

  write(bytes: Uint8Array, at: number): void {
    this.#change({ at, bytes: Buffer.from(bytes), lost: false });
  }

  truncate(length: number): void {
    this.#change({ length, lost: false });
  }

  sync(): void {
    const kept = this.#pending.filter(({ lost }) => !lost);
    this.#stored = kept.reduce(applied, this.#stored);
    this.#pending = [];
  }

  /** The kernel drops the pages and forgets: reading still finds them, no fsync writes them again. */
  failSync(): void {
    this.#pending = this.#pending.map((change) => ({ ...change, lost: true }));
  }

  after(cut: Cut, random: Random): FileNode {
    if (cut === "nothing") return new FileNode(this.#stored);
    if (cut === "everything") return new FileNode(this.content);
    let content = this.#stored;
    for (const [change, part] of chosen(this.#pending, random)) {
      content = applied(content, part === "whole" ? change : torn(change, content, random));
    }
    return new FileNode(content);
  }

  copy(): FileNode {
    const copy = new FileNode(this.content);
    copy.#stored = this.#stored;
    copy.#pending = [...this.#pending];
    return copy;
  }

  #change(change: Change): void {
    this.content = applied(this.content, change);
    this.#pending.push(change);
  }
}

export class DirectoryNode {
  /** What programs see. */
  entries = new Map<string, Node>();
  /** What is on the disk for certain. */
  #stored = new Map<string, Node>();
  #pending: EntryChange[] = [];

  /** Whether all that programs see is on the disk for certain. */
  get synced(): boolean {
    return this.#pending.length === 0;
  }

  change(change: EntryChange): void {
    applyEntry(this.entries, change);
    this.#pending.push(change);
  }

  sync(): void {
    this.#stored = new Map(this.entries);
    this.#pending = [];
  }

  /** The entries after a power cut; the nodes in them are still these. */
  after(cut: Cut, random: Random): Map<string, Node> {
    if (cut === "nothing") return this.#stored;
    if (cut === "everything") return this.entries;
    const entries = new Map(this.#stored);
    for (const [change, part] of chosen(this.#pending, random)) {
      if (part === "whole") applyEntry(entries, change);
    }
    return entries;
  }

  /** A directory that has these entries for certain. */
  static of(entries: Iterable<readonly [string, Node]>): DirectoryNode {
    const directory = new DirectoryNode();
    directory.entries = new Map(entries);
    directory.sync();
    return directory;
  }

  copy(copyNode: (node: Node) => Node): DirectoryNode {
    const entries = (of: Map<string, Node>): [string, Node][] =>
      [...of].map(([name, node]) => [name, copyNode(node)]);
    const copy = DirectoryNode.of(entries(this.#stored));
    copy.entries = new Map(entries(this.entries));
    copy.#pending = this.#pending.map(({ add, remove }) => ({
      ...(add !== undefined && { add: [add[0], copyNode(add[1])] as const }),
      ...(remove !== undefined && { remove }),
    }));
    return copy;
  }
}

export class FaultDisk {
  readonly root: DirectoryNode;

  constructor(root = new DirectoryNode()) {
    this.root = root;
  }

  /** A disk with one directory, which has these files for certain. */
  static with(directory: string, files: Readonly<Record<string, string>> = {}): FaultDisk {
    let node = DirectoryNode.of(
      Object.entries(files).map(([name, text]) => [name, new FileNode(Buffer.from(text))]),
    );
    for (const name of namesOf(directory).reverse()) node = DirectoryNode.of([[name, node]]);
    return new FaultDisk(node);
  }

  /** What is at this path, as programs see it. */
  at(path: string): Node | undefined {
    let node: Node | undefined = this.root;
    for (const name of namesOf(path)) {
      node = node instanceof DirectoryNode ? node.entries.get(name) : undefined;
    }
    return node;
  }

  /** The files of a directory by name, as programs see them. */
  list(path: string): [name: string, content: Buffer][] {
    const node = this.at(path);
    if (!(node instanceof DirectoryNode)) return [];
    return [...node.entries].flatMap(([name, entry]): [string, Buffer][] =>
      entry instanceof FileNode ? [[name, entry.content]] : [],
    );
  }

  /** Another disk, with what a power cut leaves of this one. */
  after(cut: Cut, random: Random): FaultDisk {
    const copyNode = copier((node) =>
      node instanceof FileNode
        ? node.after(cut, random)
        : DirectoryNode.of([...node.after(cut, random)].map(([name, of]) => [name, copyNode(of)])),
    );
    return new FaultDisk(copyNode(this.root) as DirectoryNode);
  }

  /** Another disk that is as this one is, in what is on it for certain and in what is not. */
  copy(): FaultDisk {
    const copyNode = copier((node) =>
      node instanceof FileNode ? node.copy() : node.copy(copyNode),
    );
    return new FaultDisk(copyNode(this.root) as DirectoryNode);
  }
}

/** Copies each node once, so that two names of one file stay that. */
function copier(copy: (node: Node) => Node): (node: Node) => Node {
  const copies = new Map<Node, Node>();
  return (node) => {
    const made = copies.get(node) ?? copy(node);
    copies.set(node, made);
    return made;
  };
}

/** The names of a path from the root. */
export function namesOf(path: string): string[] {
  return path.split(/[\\/]/).filter((name) => name !== "");
}

/** Which of these survive: the first of them and a part of the next, or each by chance. */
function* chosen<T>(pending: readonly T[], random: Random): Generator<[T, "whole" | "part"]> {
  const inOrder = random.integer(2) === 0;
  const whole = random.integer(pending.length + 1);
  for (const [index, change] of pending.entries()) {
    const chance = inOrder ? Math.sign(index - whole) : random.integer(3) - 1;
    if (chance === -1) yield [change, "whole"];
    else if (chance === 0) yield [change, "part"];
  }
}

function applyEntry(entries: Map<string, Node>, { add, remove }: EntryChange): void {
  if (remove !== undefined) entries.delete(remove);
  if (add !== undefined) entries.set(...add);
}

function applied(content: Buffer, change: Change): Buffer {
  if ("length" in change) return resized(content, change.length);
  const { at, bytes } = change;
  const result = Buffer.from(resized(content, Math.max(content.length, at + bytes.length)));
  bytes.copy(result, at);
  return result;
}

/** Cut, or filled up with NULs. */
function resized(content: Buffer, length: number): Buffer {
  if (length <= content.length) return content.subarray(0, length);
  return Buffer.concat([content, Buffer.alloc(length - content.length)]);
}

/** A disk writes such pieces whole or not at all. */
const SECTOR_BYTES = 512;

/** What is left of a write: its start, its start and its length, or some of its sectors. */
function torn(change: Change, before: Buffer, random: Random): Change {
  if ("length" in change) return { length: before.length, lost: change.lost };
  const { at, bytes } = change;
  const end = random.integer(bytes.length + 1);
  const kind = random.integer(3);
  if (kind === 0) return { ...change, bytes: bytes.subarray(0, end) };
  const left = Buffer.from(resized(before, at + bytes.length).subarray(at));
  if (kind === 1) bytes.copy(left, 0, 0, end);
  else {
    let start = 0;
    while (start < bytes.length) {
      const next = Math.min(bytes.length, start + SECTOR_BYTES - ((at + start) % SECTOR_BYTES));
      if (random.integer(2) === 0) bytes.copy(left, start, start, next);
      start = next;
    }
  }
  return { ...change, bytes: left };
}
