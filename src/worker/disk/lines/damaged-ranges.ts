/** The damaged ranges of a file. */

/** Empty if bytes are missing: that is damage too. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Collects damaged lines. Merges adjacent ones, because a foreign file has very many. */
export class DamagedRanges {
  readonly ranges: ByteRange[] = [];

  /** Adds a line, without its `\n`. */
  add(line: ByteRange): void {
    const last = this.ranges.at(-1);
    if (last?.end === line.start - 1) {
      this.ranges[this.ranges.length - 1] = { start: last.start, end: line.end };
    } else this.ranges.push(line);
  }
}
