/**
 * Owns the question whether calls that overlap were answered as one memory would have answered them,
 * one call after another, each between its call and its answer.
 */

/** A read of a session, or a write of a number to it; null stands for no session. */
export interface Told {
  readonly kind: "read" | "write";
  /** What was written, or read. */
  readonly value: number | null;
  /** Times of one clock; a call that was never answered has no end. */
  readonly from: number;
  readonly to: number;
}

/**
 * @param initial what the memory held before
 * @returns whether there is an order
 */
export function isOneMemory(calls: readonly Told[], initial: number | null): boolean {
  const sorted = [...calls]
    // An unanswered read says nothing.
    .filter(({ kind, to }) => kind === "write" || to < Infinity)
    .sort((a, b) => a.from - b.from);
  const seen = new Set<string>();
  /** What has been ordered: all before `done`, and these; and what the memory holds. */
  const open: State[] = [{ done: 0, ahead: [], held: initial }];
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    const next = advance(sorted, state);
    if (sorted.slice(next.done).every((call, index) => isOrdered(call, next.done + index, next))) {
      return true;
    }
    const key = `${next.done} ${next.ahead.join()} ${next.held}`;
    if (seen.has(key)) continue;
    seen.add(key);
    open.push(...successors(sorted, next));
  }
  return false;
}

interface State {
  readonly done: number;
  readonly ahead: readonly number[];
  readonly held: number | null;
}

/** A write that was never answered need not have happened. */
function isOrdered({ to }: Told, index: number, { ahead }: State): boolean {
  return to === Infinity || ahead.includes(index);
}

function advance(calls: readonly Told[], { done, ahead, held }: State): State {
  let end = done;
  while (ahead.includes(end)) end++;
  return { done: end, ahead: ahead.filter((index) => index >= end), held };
}

/** The states after each call that may be the next: none ended before it began. */
function successors(calls: readonly Told[], state: State): State[] {
  const found: State[] = [];
  let end = Infinity;
  for (let index = state.done; index < calls.length; index++) {
    const call = calls[index]!;
    if (call.from > end) break;
    if (state.ahead.includes(index)) continue;
    end = Math.min(end, call.to);
  }
  for (let index = state.done; index < calls.length; index++) {
    const call = calls[index]!;
    if (call.from > end) break;
    if (state.ahead.includes(index)) continue;
    if (call.kind === "read" && call.value !== state.held) continue;
    const held = call.kind === "write" ? call.value : state.held;
    found.push({ done: state.done, ahead: [...state.ahead, index].sort((a, b) => a - b), held });
  }
  return found;
}
