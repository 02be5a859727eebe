/** A pacer and a clock that a test moves, for an event loop that stands still for a while. */
import type { Pacer } from "../../bench/load/pacer.js";

interface Stall {
  /** Between two ticks, in milliseconds. The first is due at 0. */
  readonly everyMs: number;
  readonly ticks: number;
  /** The event loop stands from 0 until then, and gets all ticks that were due meanwhile. */
  readonly lastsMs: number;
  /** By how much the pacer's thread was late itself. */
  readonly pacerLateMs?: number;
}

/** Ticks that a stalled event loop receives: those of the stall at its end, the others in time. */
export function stall({ everyMs, ticks, lastsMs, pacerLateMs = 0 }: Stall): {
  pace: Pacer;
  clock: () => number;
} {
  let now = 0;
  const pace: Pacer = (_perSecond, onTick) => {
    for (let tick = 0; tick < ticks; tick++) {
      const due = tick * everyMs;
      now = Math.max(lastsMs, due + pacerLateMs);
      onTick(due, due + pacerLateMs);
    }
    return { stop: () => Promise.resolve() };
  };
  return { pace, clock: () => now };
}
