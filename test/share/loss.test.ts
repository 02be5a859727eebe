/** Owns what becomes of the calls of a store that is closed in the moment in which it loses its lock. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openMember } from "../support/members.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";
import { on, WatchedFiles } from "../support/watched-files.js";

const FAR = Date.UTC(2100, 0, 1);

it("what an owner was writing when it lost its lock is answered, though it is closed", async () => {
  const directory = tempDirectory();
  const watched = new WatchedFiles();
  const owner = await openMember(directory, { environment: { files: watched.files } });
  const held = watched.hold(on("sync", ".wal.log"));
  const first = owner.write([["a", "{}", FAR]]);
  await until(() => held.waiting > 0);
  const second = owner.write([["b", "{}", FAR]]);
  rmSync(join(directory, "sessions.lock"));
  // It has noticed, and takes no guests any more.
  await until(() => !readdirSync(directory).some((name) => name.endsWith(".sock")));
  const closed = owner.close();
  held.release();
  await closed;
  expect(await first).toMatchObject([{ code: "STORE_UNCERTAIN" }]);
  expect(await second).toEqual([0]);
}, 20_000);
