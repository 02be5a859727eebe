/** Owns that a large session is stored like any other. */
import { expect, it } from "vitest";
import { sessionOf } from "../support/session-values.js";
import type { Behavior } from "./behavior.js";

export function large({ open }: Behavior, megabytes: readonly number[]): void {
  it.each(megabytes)("a session of %i MB comes back as it was", async (size) => {
    const store = open();
    const given = sessionOf({ text: "0123456789abcde\n".repeat((size * 1_000_000) / 16) });
    await store.set("large", given);
    const small = sessionOf({ n: 1 });
    await store.set("small", small);
    await store.checkpoint();
    // Compared as a whole: a difference of that length helps nobody.
    const found = JSON.stringify(await store.get("large"));
    expect(found.length).toBe(JSON.stringify(given).length);
    expect(found === JSON.stringify(given)).toBe(true);
    expect(await store.get("small")).toStrictEqual(small);
  });
}
