/** The damaged ranges of a file. */

export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** One or more damaged lines. Empty if bytes are missing, which is reported, too. */
export interface DamagedRange extends ByteRange {
  /** Whether they are envelopes, which need not be encrypted when they are set aside. */
  readonly sealed: boolean;
}

/** Collects damaged lines. Merges adjacent ones, because a foreign file has very many. */
export class DamagedRanges {
  readonly ranges: DamagedRange[] = [];

  /** Adds a line, without its `\n`. */
  add(line: DamagedRange): void {
    const last = this.ranges.at(-1);
    if (last?.end === line.start - 1 && last.sealed === line.sealed) {
      this.ranges[this.ranges.length - 1] = { ...line, start: last.start };
    } else this.ranges.push(line);
  }
}
