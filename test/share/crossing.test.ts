/** Owns that much may be under way in both directions between a guest and an owner. */
import { expect, it } from "vitest";
import { openMember, sharingOf } from "../support/members.js";
import { tempDirectory } from "../support/temp-dir.js";

const FAR = Date.UTC(2100, 0, 1);

it("a guest is answered at length while it sends at length", async () => {
  const directory = tempDirectory();
  await openMember(directory, { config: { durable: false } });
  const guest = await openMember(directory, { config: { durable: false } });
  const sids = Array.from({ length: 24 }, (_, index) => `sid-${index}`);
  const long = JSON.stringify("x".repeat(1024 * 1024));
  for (const sid of sids) await guest.write([[sid, long, FAR]]);
  // Two bytes for each character.
  const longer = JSON.stringify("\u20ac".repeat(10 * 1024 * 1024));
  const found = Promise.all(sids.map((sid) => guest.get([sid])));
  const stored = guest.write([["longer", longer, FAR]]);
  expect(await found).toEqual(sids.map(() => [long]));
  expect(await stored).toEqual([0]);
  expect(await sharingOf(guest)).toMatchObject({ role: "guest", elections: 1 });
}, 60_000);
