/** Owns renames that a virus scanner holds up for a moment, as happens on Windows. */
import { describe, expect, it } from "vitest";

import { withPatientRenames } from "../../src/worker/ports/patient-renames.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryFiles } from "../support/memory-files.js";

/** A file that someone else has open for some time, as the system says with this code. */
class HeldFiles extends MemoryFiles {
  held = true;
  attempts = 0;
  readonly #code: string;

  constructor(code: string) {
    super([["/x", Buffer.from("x")]]);
    this.#code = code;
  }

  override async rename(from: string, to: string): Promise<void> {
    this.attempts++;
    if (this.held) throw Object.assign(new Error(this.#code), { code: this.#code });
    await super.rename(from, to);
  }
}

function setUp(code: string): { held: HeldFiles; clock: ManualClock; rename: () => Promise<void> } {
  const held = new HeldFiles(code);
  const clock = new ManualClock();
  const files = withPatientRenames(held, clock);
  return { held, clock, rename: () => files.rename("/x", "/y") };
}

describe.each(["EPERM", "EACCES", "EBUSY"])("a file that is held (%s)", (code) => {
  it("gets its name when it is let go", async () => {
    const { held, clock, rename } = setUp(code);
    const renaming = rename();
    await clock.advance(500);
    expect(held.content("/y").length).toBe(0);
    held.held = false;
    await clock.advanceUntil(renaming);
    expect(held.content("/y").toString()).toBe("x");
  });

  it("does not get it where it is held for too long", async () => {
    const { clock, rename } = setUp(code);
    const renaming = rename();
    const refusal = expect(renaming).rejects.toMatchObject({ code });
    const before = clock.now();
    await clock.advanceUntil(renaming.catch(() => undefined));
    expect(clock.now() - before).toBe(1000);
    await refusal;
  });
});

it("another failure is passed on at once", async () => {
  const { held, rename } = setUp("ENOSPC");
  await expect(rename()).rejects.toMatchObject({ code: "ENOSPC" });
  expect(held.attempts).toBe(1);
});
