/** Gives other work a turn while many sessions are parsed. */
import type { FoundSession } from "../protocol/contract.js";
import { nextTurn } from "../protocol/timers.js";

/** How much JSON text is parsed before: a few milliseconds of work. */
const PARSE_CHARS = 512 * 1024;

export class ParsingTurns {
  #chars = 0;

  /** To be awaited after each session that has been parsed. */
  async after(found: FoundSession): Promise<void> {
    this.#chars += typeof found === "string" ? found.length : found[0].length;
    if (this.#chars < PARSE_CHARS) return;
    this.#chars = 0;
    await nextTurn();
  }
}
