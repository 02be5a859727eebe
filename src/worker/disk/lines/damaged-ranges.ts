/** Where a file is damaged, line by line. */

/** Bytes of a file. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Damaged lines. Empty where bytes are missing: nothing to set aside, but to be reported. */
export interface DamagedRange extends ByteRange {
  /** Whether they are envelopes, which may be copied as they are: what they hold is sealed. */
  readonly sealed: boolean;
}

/** Gathers damaged lines; those that follow each other are one range, since a foreign file has many. */
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
