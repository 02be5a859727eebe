/**
 * Owns stories that are cut off everywhere: what a collection lives through, the passwords that it
 * is opened with, and how often it is cut. FAULTS=long cuts at every operation.
 */
import type { TestContext } from "vitest";

import type { ConfigOverrides } from "../engine-world.js";
import type { Random } from "../random.js";
import { expectNoViolations } from "../totals.js";
import { FaultDisk } from "./fault-disk.js";
import type { Ledger } from "./ledger.js";
import { Life, type Moment } from "./life.js";
import { Script } from "./life-script.js";
import type { Witness } from "./operations.js";
import { Recovery } from "./recovery.js";

export const LONG = process.env["FAULTS"] === "long";

/** Of how many moments the power is cut at one; of how many recoveries one is itself cut off. */
export const EVERY = LONG ? 1 : 16;
export const NESTED = 30;

export const TIMEOUT_MS = 1_800_000;

export const START = Date.UTC(2026, 0, 1);
export const A = "the first password";
export const B = "the second password";

/** The passwords of each process in turn that opens a collection. */
export const KEYS: readonly (readonly [name: string, keys: readonly (readonly string[])[]])[] = [
  ["plain", [[], []]],
  ["encrypted", [[A], [A]]],
  ["encrypted later, then under another key", [[], [A], [B, A], [B]]],
];

export const PLAIN_OR_NOT = [
  ["plain", []],
  ["with a key", [A]],
] as const;

export interface Story {
  readonly disk?: FaultDisk;
  readonly ledger?: Ledger;
  /** Texts that must be in some file whatever happens. */
  readonly marks?: readonly string[];
  /** A text in a torn tail, which nobody may keep. */
  readonly torn?: string;
  readonly passwords?: readonly string[];
  readonly nested?: number;
  readonly every?: number;
  readonly config?: ConfigOverrides;
  readonly isShared?: boolean;
  readonly witness?: Witness;
  readonly play: (life: Life, script: Script) => Promise<void>;
}

/** Plays a story, cuts it off at each of its operations, and expects nothing to be wrong. */
export async function cutEverywhere(
  context: TestContext,
  story: Story,
  random: Random,
): Promise<void> {
  const { disk = new FaultDisk(), play, ...rest } = story;
  const moments: Moment[] = [];
  const life = new Life({ disk, time: START, moments, ...rest });
  await play(life, new Script(life, random));
  const recovery = new Recovery({ random, every: EVERY, nested: NESTED, ...rest });
  await recovery.cutAll(moments);
  const violations = [...life.violations, ...recovery.violations];
  if (life.failedWrites + life.failedCompactions > 0) violations.push("calls fail");
  expectNoViolations(context, "power cuts", recovery.cuts, violations);
}
