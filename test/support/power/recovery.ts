/**
 * Owns the proof of one power cut: the surviving disk is opened, compared with the ledger, written
 * to, cut off and opened again. Opening is itself cut off at each of its operations now and then.
 */
import { basename } from "node:path";

import { Key, isEnvelope, parseSalt } from "../../../src/worker/disk/keys/cipher.js";
import type { FaultDisk } from "./fault-disk.js";
import { DIRECTORY, Life, type Moment } from "./life.js";
import { Script } from "./life-script.js";
import { diskStats } from "../engine-world.js";
import { type Random, seededRandom } from "../random.js";
import { type Cut, CUTS } from "./unsynced.js";

/** A machine takes longer to start than a lock takes to go stale. */
const RESTART_MS = 11_000;

/** The names that hold something when nobody has the collection open. */
const NAMES =
  /^(?:sessions\.(?:wal\.log|snapshot\.json|quarantine(?:\.[0-9a-f]{16})?\.log)|\.db\.salt)$/;

export interface RecoveryParts {
  readonly random: Random;
  /** Texts that must be in some file after each cut: damage, which nobody may throw away. */
  readonly marks?: readonly string[];
  /** A text in a torn tail, which nobody may keep: it was never acknowledged. */
  readonly torn?: string;
  /** All passwords that the collection ever had: what was set aside stays under the key of its time. */
  readonly passwords?: readonly string[];
  /** Of how many moments the power is cut at one. */
  readonly every: number;
  /** Of how many recoveries one is cut off in its turn. */
  readonly nested: number;
}

export class Recovery {
  cuts = 0;
  readonly violations: string[] = [];
  readonly #random: Random;
  readonly #marks: readonly string[];
  readonly #torn: string | null;
  readonly #passwords: readonly string[];
  readonly #every: number;
  readonly #nested: number;

  constructor({ random, marks = [], torn, passwords = [], every, nested }: RecoveryParts) {
    this.#random = random;
    this.#marks = marks;
    this.#torn = torn ?? null;
    this.#passwords = passwords;
    this.#every = every;
    this.#nested = nested;
  }

  /** Cuts the power at these moments, in each way. */
  async cutAll(moments: readonly Moment[], story = "", depth = 0): Promise<void> {
    for (const moment of moments) {
      if (this.#random.integer(this.#every) > 0) continue;
      const { kind, path, index } = moment.operation;
      const place = `${story}${kind} ${basename(path)} (${index})`;
      for (const cut of CUTS) {
        const seed = this.#random.integer(2 ** 32);
        const text = `${place}, ${cut} left`;
        const nested = depth === 0 && this.#random.integer(this.#nested) === 0 ? [] : undefined;
        await this.#cut(moment, cut, seed, text, nested);
        if (nested !== undefined) await this.cutAll(nested, `${text}, then `, depth + 1);
      }
      if (depth > 0 || this.#random.integer(this.#nested) > 0) continue;
      // The process dies and the machine does not: what another one finds may still be unsynced.
      const nested: Moment[] = [];
      await this.#proveWith(moment, moment.disk.copy(), this.#random, `${place}, killed`, nested);
      await this.cutAll(nested, `${place}, killed, then `, depth + 1);
    }
  }

  async #cut(
    moment: Moment,
    cut: Cut,
    seed: number,
    story: string,
    nested: Moment[] | undefined,
  ): Promise<void> {
    this.cuts++;
    const random = seededRandom(seed);
    await this.#proveWith(moment, moment.disk.after(cut, random), random, story, nested);
  }

  async #proveWith(
    moment: Moment,
    disk: FaultDisk,
    random: Random,
    story: string,
    nested: Moment[] | undefined,
  ): Promise<void> {
    const violate = (what: string): void => void this.violations.push(`${story}: ${what}`);
    try {
      await this.#assertMarks(disk);
      for (const what of await this.#prove(moment, disk, random, nested)) violate(what);
    } catch (error) {
      violate(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }

  /** Opens, compares, appends, is cut off, opens, closes, opens and compares. */
  async #prove(
    moment: Moment,
    disk: FaultDisk,
    random: Random,
    moments: Moment[] | undefined,
  ): Promise<string[]> {
    const ledger = moment.ledger.after(moment.moment, moment.time);
    const time = moment.time + RESTART_MS;
    const first = new Life({ disk, ledger, time, ...(moments && { moments }) });
    await first.open(moment.keys);
    const script = new Script(first, random);
    first.write([
      [script.sid(), script.session()],
      [script.sid(), null],
      ["appended", script.session()],
    ]);
    await first.settle();

    const second = after(first, first.disk.after("nothing", random));
    await second.open(moment.keys);
    await second.close();
    const quarantined = quarantineOf(second.disk);

    const third = after(second, second.disk);
    await third.open(moment.keys);
    const { quarantined: damaged } = await diskStats(third.engine);
    await third.close();
    const violations = [first, second, third].flatMap((life) => life.violations);
    if (damaged > 0) violations.push(`${damaged} records are damaged after closing`);
    if (quarantineOf(third.disk) !== quarantined) violations.push("the quarantine changes");
    const kept = await this.#textOf(third.disk, /quarantine/);
    if (this.#torn !== null && kept.includes(this.#torn)) violations.push("a torn tail is kept");
    for (const [name] of third.disk.list(DIRECTORY)) {
      if (!NAMES.test(name)) violations.push(`${name} is left behind`);
    }
    return violations;
  }

  async #assertMarks(disk: FaultDisk): Promise<void> {
    if (this.#marks.length === 0) return;
    const text = await this.#textOf(disk, NAMES);
    for (const mark of this.#marks) if (!text.includes(mark)) throw new Error(`${mark} is lost`);
  }

  /** All that the files of these names hold, their envelopes opened. */
  async #textOf(disk: FaultDisk, names: RegExp): Promise<string> {
    const files = disk.list(DIRECTORY);
    const salt = files.find(([name]) => name === ".db.salt")?.[1].toString("latin1");
    const keys = await Promise.all(
      this.#passwords.map((password) =>
        Key.derive(password, parseSalt(salt ?? "") ?? Buffer.alloc(0)),
      ),
    );
    return files
      .filter(([name]) => names.test(name))
      .flatMap(([, content]) => content.toString("latin1").split("\n"))
      .map((line) => opened(line, keys))
      .join("\n");
  }
}

/** The life that begins on this disk after another has ended. */
function after(life: Life, disk: FaultDisk): Life {
  const { ledger, clock } = life;
  const time = clock.now();
  return new Life({ disk, ledger: ledger.after(ledger.moment, time), time: time + RESTART_MS });
}

/** The names and sizes of what was set aside. */
export function quarantineOf(disk: FaultDisk): string {
  const files = disk.list(DIRECTORY).filter(([name]) => name.includes("quarantine"));
  return files.map(([name, content]) => `${name} ${content.length}`).join();
}

function opened(line: string, keys: readonly Key[]): string {
  const bytes = Buffer.from(line, "latin1");
  if (!isEnvelope(bytes)) return line;
  for (const key of keys) {
    const content = key.open(bytes);
    if (content !== null) return content.toString();
  }
  return line;
}
