/** Cuts the answers that are long lists into pages, since reading a message blocks the thread. */

export type Answer =
  | { readonly value: unknown }
  /** The first elements of a list, and the number by which the next ones are fetched. */
  | { readonly page: readonly unknown[]; readonly next: number };

/** About how much of a list travels in one message: a few milliseconds of work for each thread. */
const PAGE_BYTES = 1024 * 1024;
/** What an element takes besides its text. */
const ELEMENT_BYTES = 32;

/** Keeps what has not been fetched yet. */
export class Pager {
  readonly #rests = new Map<number, { readonly list: readonly unknown[]; start: number }>();
  #number = 0;
  readonly #onDrained: (() => void)[] = [];

  answer(value: unknown): Answer {
    if (!Array.isArray(value) || pageEnd(value, 0) === value.length) return { value };
    const number = ++this.#number;
    this.#rests.set(number, { list: value, start: 0 });
    return this.next(number);
  }

  next(number: number): Answer {
    const rest = this.#rests.get(number);
    if (rest === undefined) return { value: [] };
    const { list, start } = rest;
    rest.start = pageEnd(list, start);
    const page = list.slice(start, rest.start);
    if (rest.start < list.length) return { page, next: number };
    this.#rests.delete(number);
    if (this.#rests.size === 0) for (const resolve of this.#onDrained.splice(0)) resolve();
    return { value: page };
  }

  /** Resolves when everything has been fetched. */
  async drained(): Promise<void> {
    if (this.#rests.size > 0) await new Promise<void>((resolve) => this.#onDrained.push(resolve));
  }
}

/** The index after the elements from `start` that fit into a page; at least one does. */
function pageEnd(list: readonly unknown[], start: number): number {
  let bytes = 0;
  let end = start;
  while (end < list.length && bytes < PAGE_BYTES) bytes += bytesOf(list[end++]);
  return end;
}

function bytesOf(element: unknown): number {
  if (typeof element === "string") return ELEMENT_BYTES + element.length;
  if (!Array.isArray(element)) return ELEMENT_BYTES;
  return element.reduce<number>((sum, part) => sum + bytesOf(part), ELEMENT_BYTES);
}
