/** Owns releases side by side: who of two speaks with whom, and what the other is told. */
import { describe, expect, it, vi } from "vitest";
import type { Engine } from "../../src/protocol/contract.js";
import { systemClock } from "../../src/worker/ports/clock.js";
import { fasterClock } from "../support/faster-clock.js";
import { tempDirectory } from "../support/temp-dir.js";

const FAR = Number.MAX_SAFE_INTEGER;
const NOW = { speaks: 1, oldest: 1 };
/** A release that knows a protocol that is not there yet, and that of now. */
const NEXT = { speaks: 2, oldest: 1 };
/** One that knows that of now no longer. */
const AFTER_NEXT = { speaks: 2, oldest: 2 };

type Release = typeof NOW;

/** Opens a store of a release. */
async function open(
  directory: string,
  owner: string,
  release: Release,
  clock = systemClock,
): Promise<Engine> {
  vi.resetModules();
  vi.doMock("../../src/worker/share/messages.js", async (original) => ({
    ...(await original<object>()),
    PROTOCOL: release.speaks,
    OLDEST_PROTOCOL: release.oldest,
  }));
  const { openMember } = await import("../support/members.js");
  return openMember(directory, { config: { owner }, environment: { clock } });
}

describe("of two releases", () => {
  it.each([
    ["newer guest", NOW, NEXT],
    ["newer owner", NEXT, NOW],
  ])("that have a protocol in common one joins the other: a %s", async (_, first, second) => {
    const directory = tempDirectory();
    const owner = await open(directory, "first", first);
    const guest = await open(directory, "second", second);
    expect(await guest.write([["a", "{}", FAR]])).toEqual([0]);
    expect(await owner.get(["a"])).toEqual(["{}"]);
    await owner.close();
    expect(await guest.get(["a"])).toEqual(["{}"]);
  });

  it.each([
    ["newer guest", NOW, AFTER_NEXT],
    ["newer owner", AFTER_NEXT, NOW],
  ])(
    "that have none the second is told so, and opens after the first: a %s",
    async (_, first, second) => {
      const directory = tempDirectory();
      // Whoever is refused waits for the owner's end.
      const clock = fasterClock();
      const owner = await open(directory, "first", first, clock);
      await owner.write([["a", "{}", FAR]]);
      await expect(open(directory, "second", second, clock)).rejects.toMatchObject({
        code: "STORE_LOCKED",
        message: expect.stringContaining("another version") as string,
      });
      await owner.close();
      const next = await open(directory, "third", second, clock);
      expect(await next.get(["a"])).toEqual(["{}"]);
    },
  );
});
