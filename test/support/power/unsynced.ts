/**
 * Owns what a power cut leaves of what was not fsynced: which of the operations, and how much of a
 * write.
 */
import type { Random } from "../random.js";

/**
 * What a power cut leaves of what was not fsynced. Some: for each file and each directory on its own
 * either the first operations, the last of them torn, or each operation or not.
 */
export const CUTS = ["nothing", "some", "everything"] as const;
export type Cut = (typeof CUTS)[number];

/** A write, or a new length. `lost`: an fsync of it failed, and a later one does not write it. */
export type Change =
  | { readonly at: number; readonly bytes: Buffer; readonly lost: boolean }
  | { readonly length: number; readonly lost: boolean };

/** Which of these survive: the first of them and a part of the next, or each by chance. */
export function* chosen<T>(
  pending: readonly T[],
  random: Random,
): Generator<[T, "whole" | "part"]> {
  const inOrder = random.integer(2) === 0;
  const whole = random.integer(pending.length + 1);
  for (const [index, change] of pending.entries()) {
    const chance = inOrder ? Math.sign(index - whole) : random.integer(3) - 1;
    if (chance === -1) yield [change, "whole"];
    else if (chance === 0) yield [change, "part"];
  }
}

export function applied(content: Buffer, change: Change): Buffer {
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
export function torn(change: Change, before: Buffer, random: Random): Change {
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
