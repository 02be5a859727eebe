/** Reads the lines of one of our own snapshots: a head, one element per line, a tail. */
import type { Change } from "../documents/change.js";
import { COMMA } from "../lines/ascii.js";
import { type DamagedRange, DamagedRanges } from "../lines/damaged-ranges.js";
import { type ByteSource, type Line, scanLines } from "../lines/line-scanner.js";
import { decodeElement, type ElementSeal } from "./snapshot-element.js";

export interface Contents {
  readonly version: number;
  /** The number of whole elements. */
  readonly elements: number;
  readonly damage: readonly DamagedRange[];
}

interface OwnContents extends Contents {
  /** Whether there is any sign that this store wrote it. */
  readonly isOurs: boolean;
}

/**
 * Reads a snapshot, calling back for each whole element in order.
 * @param seal null to skip the verification of seals
 */
export async function readLines(
  source: ByteSource,
  seal: ElementSeal | null,
  onChange: (change: Change) => void,
): Promise<OwnContents> {
  const lines = new SnapshotLines(seal, onChange);
  await scanLines(source, (line) => {
    lines.take(line);
  });
  return lines.finish();
}

const HEAD = /^\{"version":(\d+),"ts":\d+,"docs":\[$/;
/** Longer than any head. */
const MAX_HEAD_BYTES = 80;
const TAIL = Buffer.from("]}");

class SnapshotLines {
  readonly #seal: ElementSeal | null;
  readonly #onChange: (change: Change) => void;
  readonly #damage = new DamagedRanges();
  #version: number | null = null;
  #elements = 0;
  #complete = false;
  /** Whether there are commas between the elements and nowhere else, as lite-nosql requires. */
  #regular = true;
  #separated = true;
  #end = 0;

  constructor(seal: ElementSeal | null, onChange: (change: Change) => void) {
    this.#seal = seal;
    this.#onChange = onChange;
  }

  take({ bytes, start, end }: Line): void {
    this.#end = end;
    if (bytes === null) {
      this.#damage.add({ start, end, sealed: false });
      return;
    }
    if (start === 0 && this.#takeHead(bytes)) return;
    if (bytes.equals(TAIL)) {
      if (this.#complete || (this.#separated && this.#elements > 0)) this.#regular = false;
      this.#complete = true;
      return;
    }
    const hasComma = bytes[bytes.length - 1] === COMMA;
    const change = decodeElement(hasComma ? bytes.subarray(0, -1) : bytes, this.#seal);
    if (change === null) {
      this.#damage.add({ start, end, sealed: false });
      return;
    }
    if (this.#complete || !this.#separated) this.#regular = false;
    this.#separated = hasComma;
    this.#elements++;
    this.#onChange(change);
  }

  finish(): OwnContents {
    const { ranges } = this.#damage;
    const isWhole = this.#version !== null && this.#complete && this.#regular;
    // An empty range: nothing can be set aside, but the damage is reported and compacted away.
    if (ranges.length === 0 && !isWhole) {
      this.#damage.add({ start: this.#end, end: this.#end, sealed: false });
    }
    const isOurs = this.#version !== null || this.#elements > 0 || this.#complete;
    return { version: this.#version ?? 0, elements: this.#elements, damage: ranges, isOurs };
  }

  #takeHead(bytes: Buffer): boolean {
    const head = bytes.length < MAX_HEAD_BYTES ? HEAD.exec(bytes.toString("latin1")) : null;
    if (head === null) return false;
    this.#version = Number(head[1]);
    return true;
  }
}
