/** What a command says: its result on stdout, words on stderr. Never a color. */
import { once } from "node:events";
import { createInterface } from "node:readline/promises";

import { usage } from "./failure.js";

/** A line of a table or of JSON: what a column shows, and under which name. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
}

/** Between two columns. */
const GAP = "  ";
/** Rows that are looked at to know how wide the columns are. */
const MEASURED_ROWS = 100;
/** A column is not cut further. */
const MIN_WIDTH = 6;
/** Rows, or characters of JSON, between two updates of the progress. */
const PROGRESS_STEP = 1000;

/** Ends quietly when nobody reads the result any more, as with `| head`. */
export function endWithReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  process.stderr.on("error", () => undefined);
}

export async function write(text: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}

export async function writeJson(value: unknown): Promise<void> {
  await write(`${JSON.stringify(value)}\n`);
}

export function note(text: string): void {
  process.stderr.write(`${printable(text)}\n`);
}

/** Shows a count that grows, where somebody may be looking. */
export class Progress {
  readonly #what: string;
  readonly #isShown = process.stderr.isTTY;
  #count = 0;

  constructor(what: string) {
    this.#what = what;
  }

  add(count: number): void {
    const before = Math.floor(this.#count / PROGRESS_STEP);
    this.#count += count;
    if (!this.#isShown || Math.floor(this.#count / PROGRESS_STEP) === before) return;
    process.stderr.write(`\r${this.#what} ${this.#count}`);
  }

  end(): void {
    if (this.#isShown && this.#count >= PROGRESS_STEP) process.stderr.write("\r\u001b[K");
  }
}

/** @throws Failure if nobody can be asked */
export async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw usage(`${question} Nobody can be asked here: say --yes`);
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

/** Names and values, one a line. */
export async function writeFacts(facts: readonly (readonly [string, string])[]): Promise<void> {
  const width = Math.max(...facts.map(([name]) => name.length));
  for (const [name, value] of facts) {
    await write(`${name.padEnd(width)}${GAP}${printable(value)}\n`);
  }
}

/** A table whose rows may be very many: the first ones say how wide its columns are. */
export class Table<Row> {
  readonly #columns: readonly Column<Row>[];
  #held: Row[] | null = [];
  #widths: readonly number[] = [];

  constructor(columns: readonly Column<Row>[]) {
    this.#columns = columns;
  }

  async add(row: Row): Promise<void> {
    if (this.#held === null) await write(this.#line(this.#cells(row)));
    else if (this.#held.push(row) === MEASURED_ROWS) await this.#begin();
  }

  async end(): Promise<void> {
    if ((this.#held?.length ?? 0) > 0) await this.#begin();
  }

  async #begin(): Promise<void> {
    const rows = this.#held ?? [];
    this.#held = null;
    const lines = [this.#columns.map(({ title }) => title), ...rows.map((row) => this.#cells(row))];
    const widths = this.#columns.map((_, at) =>
      Math.max(...lines.map((line) => line[at]?.length ?? 0)),
    );
    this.#widths = fitting(widths, process.stdout.isTTY ? process.stdout.columns : Infinity);
    for (const line of lines) await write(this.#line(line));
  }

  #cells(row: Row): string[] {
    return this.#columns.map(({ cell }) => printable(cell(row)));
  }

  #line(cells: readonly string[]): string {
    const padded = cells.map((cell, at) => {
      const width = this.#widths[at] ?? 0;
      const isCut = process.stdout.isTTY && cell.length > width;
      return isCut ? `${cell.slice(0, width - 1)}…` : cell.padEnd(width);
    });
    return `${padded.join(GAP).trimEnd()}\n`;
  }
}

/** The widths, the widest ones cut so that all fit into a line. */
function fitting(widths: readonly number[], columns: number): number[] {
  const fitted = [...widths];
  const room = columns - GAP.length * (widths.length - 1);
  for (let excess = sum(fitted) - room; excess > 0; excess = sum(fitted) - room) {
    const widest = Math.max(...fitted);
    if (widest <= MIN_WIDTH) break;
    fitted[fitted.indexOf(widest)] = widest - 1;
  }
  return fitted;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** A text without what a terminal would take for a command. */
// eslint-disable-next-line no-control-regex -- they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
export function printable(text: string): string {
  return text.replace(CONTROL, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

export function timeText(time: number | null): string {
  if (time === null) return "unknown";
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return String(time);
  return date
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, "");
}
