/**
 * Owns a disk that forgets: for each file what was written and what of that was fsynced, for each
 * directory which entries it has and which of them were. Knows no calls and no failures of calls:
 * those are in `fault-files.ts`.
 *
 * It promises as little as POSIX does: fsync of a file says nothing about its name, and what was not
 * fsynced may reach the disk in any order, and in part.
 */
import type { Random } from "../random.js";
import { applied, type Change, chosen, type Cut, torn } from "./unsynced.js";

/** A name given to a node, one taken away, or both at once. */
interface EntryChange {
  readonly add?: readonly [name: string, node: Node];
  readonly remove?: string;
}

export type Node = FileNode | DirectoryNode;

/** How many nodes were made, on any disk. */
let nodes = 0;

/** A file, whatever its names. Its buffers are never changed in place, so copies share them. */
export class FileNode {
  /** Its inode: copies of the disk have it too. */
  readonly id: number;
  /** What reading finds. */
  content: Buffer;
  /** What is on the disk for certain. */
  #stored: Buffer;
  #pending: Change[] = [];

  constructor(content: Buffer = Buffer.alloc(0), id = nodes++) {
    this.id = id;
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
    if (cut === "nothing") return new FileNode(this.#stored, this.id);
    if (cut === "everything") return new FileNode(this.content, this.id);
    let content = this.#stored;
    for (const [change, part] of chosen(this.#pending, random)) {
      content = applied(content, part === "whole" ? change : torn(change, content, random));
    }
    return new FileNode(content, this.id);
  }

  copy(): FileNode {
    const copy = new FileNode(this.content, this.id);
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
  readonly id: number;
  /** What programs see. */
  entries = new Map<string, Node>();
  /** What is on the disk for certain. */
  #stored = new Map<string, Node>();
  #pending: EntryChange[] = [];

  constructor(id = nodes++) {
    this.id = id;
  }

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
  static of(entries: Iterable<readonly [string, Node]>, id?: number): DirectoryNode {
    const directory = new DirectoryNode(id);
    directory.entries = new Map(entries);
    directory.sync();
    return directory;
  }

  copy(copyNode: (node: Node) => Node): DirectoryNode {
    const entries = (of: Map<string, Node>): [string, Node][] =>
      [...of].map(([name, node]) => [name, copyNode(node)]);
    const copy = DirectoryNode.of(entries(this.#stored), this.id);
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

  /** How many names a node has. */
  links(node: Node, below: Node = this.root): number {
    if (!(below instanceof DirectoryNode)) return 0;
    const entries = [...below.entries.values()];
    return entries.reduce((sum, at) => sum + Number(at === node) + this.links(node, at), 0);
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
        : DirectoryNode.of(
            [...node.after(cut, random)].map(([name, of]) => [name, copyNode(of)]),
            node.id,
          ),
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

function applyEntry(entries: Map<string, Node>, { add, remove }: EntryChange): void {
  if (remove !== undefined) entries.delete(remove);
  if (add !== undefined) entries.set(...add);
}
