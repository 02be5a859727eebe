/** Owns what lives are made of in tests: sessions and calls drawn by a seeded generator. */
import { setImmediate as turn } from "node:timers/promises";

import type { Session } from "./ledger.js";
import type { Life } from "./life.js";
import type { Random } from "../random.js";

const SIDS = Array.from({ length: 10 }, (_, index) => `sid-${index}`);
const SECOND_MS = 1000;
const HOUR_MS = 3600 * SECOND_MS;
const DAY_MS = 24 * HOUR_MS;

export class Script {
  readonly #life: Life;
  readonly #random: Random;
  #count = 0;

  constructor(life: Life, random: Random) {
    this.#life = life;
    this.#random = random;
  }

  /** A session unlike any other. Most live for hours, some for seconds. */
  session(): NonNullable<Session> {
    const random = this.#random;
    const expiresAt = this.#expiry();
    const cookie = { path: "/", expires: new Date(expiresAt).toISOString() };
    const n = ++this.#count;
    const text = "x".repeat(random.integer(8) === 0 ? random.integer(3000) : random.integer(60));
    const shapes = [
      { cookie, n, text },
      { n, cookie },
      { n, text },
    ];
    return { json: JSON.stringify(random.pick([shapes[0], ...shapes])), expiresAt };
  }

  sid(): string {
    return this.#random.pick(SIDS);
  }

  touch(): void {
    const expiresAt = this.#life.clock.now() + HOUR_MS + ++this.#count;
    const cookie = JSON.stringify({ path: "/", expires: new Date(expiresAt).toISOString() });
    this.#life.touch(this.sid(), this.#random.integer(4) === 0 ? null : cookie, expiresAt);
  }

  write(): void {
    const count = this.#random.pick([1, 1, 1, 2, 5]);
    this.#life.write(
      Array.from({ length: count }, () => [
        this.sid(),
        this.#random.integer(4) === 0 ? null : this.session(),
      ]),
    );
  }

  /** One call, or a moment's rest. Most calls do not wait for those before. */
  async step(): Promise<void> {
    const chance = this.#random.integer(100);
    if (chance < 35) this.write();
    else if (chance < 55) this.touch();
    else if (chance < 60) this.#life.compact();
    else if (chance < 62) this.#life.clear();
    else if (chance < 80) await turn();
    else if (chance < 88) await this.#life.settle();
    else if (chance < 97) await this.#life.clock.advance(this.#random.integer(900));
    else await this.#life.clock.advance(4 * SECOND_MS);
  }

  async steps(count: number): Promise<void> {
    for (let made = 0; made < count; made++) await this.step();
  }

  #expiry(): number {
    const short = this.#random.integer(6) === 0;
    const lifetime = short ? 2 * SECOND_MS : HOUR_MS;
    return this.#life.clock.now() + lifetime + this.#random.integer(SECOND_MS);
  }
}

/** Each thing that a store does, on its own and while others go on. */
export async function doEverything(life: Life, script: Script): Promise<void> {
  const { clock } = life;
  const put = (...sids: string[]): void => {
    life.write(sids.map((sid) => [sid, script.session()]));
  };
  put("a");
  await life.settle();
  put("b", "c", "d");
  put("a");
  life.write([["b", null]]);
  await life.settle();
  life.touch("a", null, clock.now() + DAY_MS);
  life.touch("c", '{"path":"/c"}', clock.now() + DAY_MS);
  await clock.advance(1500);
  // Writes, touches and deletions while a compaction is under way.
  put("c");
  life.touch("c", '{"path":"/touched"}', clock.now() + DAY_MS);
  life.compact();
  put("c", "e");
  await turn();
  life.write([["d", null]]);
  life.touch("a", '{"path":"/a"}', clock.now() + DAY_MS);
  put("c", "f");
  await life.settle();
  // Sessions that expire, a pass that deletes them, a touch and a heartbeat meanwhile.
  const short = { json: '{"short":1}', expiresAt: clock.now() + 500 };
  life.write(["g", "h"].map((sid) => [sid, short]));
  await life.settle();
  life.touch("h", null, clock.now() + DAY_MS);
  await clock.advance(4000);
  life.clear();
  put("a", "i");
  await life.settle();
  // Enough for a compaction that nobody asks for.
  for (let round = 0; round < 12; round++) put("a", "j");
  await life.settle();
  life.compact();
  await life.settle();
  put("k");
  await life.settle();
  life.touch("k", '{"path":"/k"}', clock.now() + DAY_MS);
}
