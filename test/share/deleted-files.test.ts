/** Owns that no store that shares goes on in silence when its sessions were deleted with the lock. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { StoreError } from "../../src/protocol/errors.js";
import { openMember, sharingOf } from "../support/members.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";

const FAR = Date.UTC(2100, 0, 1);

async function opened() {
  const directory = join(tempDirectory(), "sessions");
  const reports: StoreError[] = [];
  const owner = await openMember(directory, { reports });
  await owner.write([["a", "{}", FAR]]);
  return { directory, owner, reports };
}

it.each<[string, (directory: string) => void]>([
  ["the directory", (directory) => rmSync(directory, { recursive: true })],
  [
    "all files",
    (directory) => {
      for (const name of readdirSync(directory)) rmSync(join(directory, name));
    },
  ],
])(
  "reports, once, that %s were deleted",
  async (_, remove) => {
    const { directory, reports } = await opened();
    remove(directory);
    await until(() => reports.length > 0);
    // It goes on, without them.
    const other = await openMember(directory);
    expect(await other.get(["a"])).toEqual([null]);
    expect(reports).toMatchObject([{ code: "STORE_IO" }]);
  },
  20_000,
);

it("reports nothing when only the lock was deleted, since nothing is lost", async () => {
  const { directory, owner, reports } = await opened();
  rmSync(join(directory, "sessions.lock"));
  await until(async () => (await sharingOf(owner)).elections > 1);
  expect(await owner.get(["a"])).toEqual(["{}"]);
  expect(reports).toEqual([]);
}, 20_000);
