/**
 * Owns the interleavings of programs that take atomic steps: runs the programs anew in each order in
 * which their steps can be taken.
 */
import { setImmediate as turn } from "node:timers/promises";

/** Takes a step of a program, when its turn has come. */
export type Step = <T>(work: () => T) => Promise<T>;

interface Waiting {
  readonly program: number;
  readonly go: () => void;
}

class Schedule {
  readonly #waiting: Waiting[] = [];
  /** How many steps each program may still take: one that is killed takes no more. */
  readonly #left: number[];

  constructor(limits: readonly number[]) {
    this.#left = [...limits];
  }

  stepOf(program: number): Step {
    return (work) =>
      new Promise((resolve) => {
        const left = this.#left[program] ?? Infinity;
        if (left === 0) return;
        this.#left[program] = left - 1;
        this.#waiting.push({ program, go: () => resolve(work()) });
      });
  }

  /** The programs that wait, in their order. */
  async options(): Promise<Waiting[]> {
    await turn();
    return this.#waiting.sort((a, b) => a.program - b.program);
  }
}

/**
 * @param run starts the programs, each with the steps that it takes; called once for each order
 * @param limits after how many steps each program is killed, if it is
 * @param judge called when no program takes another step
 * @returns how many orders there are
 */
export async function eachInterleaving<World>(
  run: (steps: (program: number) => Step) => World,
  judge: (world: World) => Promise<void> | void,
  limits: readonly number[] = [],
): Promise<number> {
  let path: number[] = [];
  for (let orders = 1; ; orders++) {
    const schedule = new Schedule(limits);
    const world = run((program) => schedule.stepOf(program));
    const widths: number[] = [];
    for (;;) {
      const options = await schedule.options();
      if (options.length === 0) break;
      const at = widths.push(options.length) - 1;
      const [chosen] = options.splice(path[at] ?? 0, 1);
      chosen!.go();
    }
    await judge(world);
    const next = nextPath(path, widths);
    if (next === null) return orders;
    path = next;
  }
}

/** The choices that come after these, where the last one that can be another is the next one. */
function nextPath(path: readonly number[], widths: readonly number[]): number[] | null {
  for (let at = widths.length - 1; at >= 0; at--) {
    const choice = path[at] ?? 0;
    if (choice + 1 < (widths[at] ?? 0)) {
      return [...widths.slice(0, at).map((_, index) => path[index] ?? 0), choice + 1];
    }
  }
  return null;
}
