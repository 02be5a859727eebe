/**
 * Owns what the engine suite must be told of a kind of engine, and what its tests are made from.
 * Knows no files, threads or servers.
 */
import { setImmediate as turn } from "node:timers/promises";
import type { Engine, FoundSession, Write } from "../../../src/protocol/contract.js";
import type { ManualClock } from "../../support/manual-clock.js";
import { HOUR_MS } from "../../support/session-values.js";

/** How the suite gets engines of one kind, and what these can do that not all can. */
export interface EngineKind<Place> {
  /** Where the engines of one test keep their sessions: empty. */
  place(): Place;
  /** Opens an engine over the sessions of a place, where no other is open. */
  open(place: Place): Promise<Engine>;
  /** Gives an engine that is not open yet, for kinds whose calls wait until then. */
  start?(place: Place): Engine;
  /** Whether an engine finds what the one before at the same place has stored. */
  readonly reopens: boolean;
  /** Whether it cannot tell whose a session is, though it finds those of a user. */
  readonly hidesUsers?: boolean;
  /** Whether lists and counts have a session in the millisecond of its end, too. */
  readonly listsInclusively?: boolean;
  /** The clock of the engines at a place, for kinds whose clock a test can move. */
  clock?(place: Place): ManualClock;
  /** Makes every write fail, for kinds where a test can. @returns makes them succeed again */
  breakWrites?(place: Place): () => void;
  /** Kills what the engine runs in, for engines that outlive that. */
  kill?(place: Place): Promise<void>;
}

/** Where the tests are declared: vitest, or what tests the suite. */
export interface Runner {
  readonly it: (title: string, body: () => Promise<void>) => void;
  readonly onTestFinished: (release: () => Promise<void>) => void;
}

/** What the tests of a topic are made from. */
export interface EngineBehavior {
  readonly it: Runner["it"];
  /** An open engine of the running test's own. */
  readonly open: () => Promise<Scene>;
  /** One that is not open yet; null where this kind has none. */
  readonly start: (() => Scene) | null;
  readonly can: {
    readonly reopen: boolean;
    readonly breakWrites: boolean;
    readonly die: boolean;
    readonly nameUsers: boolean;
    readonly listExactly: boolean;
  };
}

export function behaviorOf<Place>(kind: EngineKind<Place>, runner: Runner): EngineBehavior {
  const scene = (place: Place, engine: Engine): Scene => {
    const opened = new Scene(kind, place, engine);
    runner.onTestFinished(() => opened.engine.close());
    return opened;
  };
  return {
    it: runner.it,
    open: async () => {
      const place = kind.place();
      return scene(place, await kind.open(place));
    },
    start:
      kind.start === undefined
        ? null
        : () => {
            const place = kind.place();
            return scene(place, kind.start!(place));
          },
    can: {
      reopen: kind.reopens,
      breakWrites: kind.breakWrites !== undefined,
      die: kind.kill !== undefined,
      nameUsers: kind.hidesUsers !== true,
      listExactly: kind.listsInclusively !== true,
    },
  };
}

/** The engine of one test, and what the test can do to its world. */
export class Scene {
  engine: Engine;
  readonly #kind: EngineKind<unknown>;
  readonly #place: unknown;

  constructor(kind: EngineKind<unknown>, place: unknown, engine: Engine) {
    this.#kind = kind;
    this.#place = place;
    this.engine = engine;
  }

  get now(): number {
    return this.#clock?.now() ?? Date.now();
  }

  /** A time that no test waits for. */
  get later(): number {
    return this.now + HOUR_MS;
  }

  /** Lets a little time go by: a millisecond, if the test moves the clock. */
  async tick(): Promise<void> {
    this.#clock?.pass(1);
    await turn();
  }

  /** Comes after the millisecond of a time: what expired in it is listed nowhere. */
  async pass(time: number): Promise<void> {
    while (this.now <= time) await this.tick();
  }

  /** Closes the engine, and opens another at the same place. */
  async reopen(): Promise<void> {
    await this.engine.close();
    this.engine = await this.#kind.open(this.#place);
  }

  breakWrites(): () => void {
    return this.#kind.breakWrites!(this.#place);
  }

  kill(): Promise<void> {
    return this.#kind.kill!(this.#place);
  }

  /** What is stored under the ids, whichever way the engine has it. */
  async sessions(...sids: string[]): Promise<unknown[]> {
    return (await this.engine.get(sids)).map(sessionOf);
  }

  get #clock(): ManualClock | undefined {
    return this.#kind.clock?.(this.#place);
  }
}

/** A session of a test, as JSON text. */
export function text(n: number): string {
  return JSON.stringify({ n });
}

/** Stores such a session. */
export function put(sid: string, n: number, expiresAt: number): Write {
  return [sid, text(n), expiresAt];
}

/**
 * Stores a session that expires soon, and lets a touch prolong it. Where that comes too late, which a
 * busy machine may do, it tries again with more time. @returns when the session would have expired
 */
export async function prolong(scene: Scene, sid: string): Promise<number> {
  for (let ms = 20; ms < 10_000; ms *= 2) {
    const expiresAt = scene.now + ms;
    const [, [touched]] = await Promise.all([
      scene.engine.write([put(sid, 1, expiresAt)]),
      scene.engine.touch([[sid, null, scene.later]]),
    ]);
    if (touched === true) return expiresAt;
  }
  throw new Error("no touch came in time");
}

/** A found session as one value, with the cookie of its last touch. */
export function sessionOf(found: FoundSession | null): unknown {
  if (found === null) return null;
  const [json, cookie] = typeof found === "string" ? [found, null] : found;
  const session = JSON.parse(json) as object;
  return cookie === null ? session : { ...session, cookie: JSON.parse(cookie) as unknown };
}
