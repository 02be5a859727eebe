/** The sessions of a collection in files, to be moved from there. */
import type { StoredSession } from "../../protocol/contract.js";
import { writeOne } from "../../protocol/dispatch.js";
import type { DiskEngine } from "../disk/engine.js";
import type { Source } from "./places.js";

/** How many are told of at once. */
const PAGE_SIZE = 512;

export class Files implements Source {
  readonly #engine: DiskEngine;

  constructor(engine: DiskEngine) {
    this.#engine = engine;
  }

  async read(sid: string): Promise<StoredSession | null> {
    const [session = null] = await this.#engine.inspect([sid]);
    return session;
  }

  remove(sid: string): Promise<number> {
    return writeOne(this.#engine, [sid]);
  }

  async idsOf(user: string): Promise<string[]> {
    return (await this.#engine.sessionsOf(user)).map(([sid]) => sid);
  }

  async pages(page: (sids: string[]) => Promise<void>): Promise<void> {
    const sids = await this.#engine.ids();
    for (let at = 0; at < sids.length; at += PAGE_SIZE) await page(sids.slice(at, at + PAGE_SIZE));
  }

  /** Leaves no session in the files if all were moved. */
  async close(): Promise<void> {
    try {
      if ((await this.#engine.length()) === 0) await this.#engine.compact();
    } finally {
      await this.#engine.close();
    }
  }
}
