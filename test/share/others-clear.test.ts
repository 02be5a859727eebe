/** Owns that what another store has cleared is answered when that is acknowledged, and not before. */
import { expect, it } from "vitest";
import type { Engine } from "../../src/protocol/contract.js";
import { openMember } from "../support/members.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";
import { on, WatchedFiles } from "../support/watched-files.js";

const FAR = Date.UTC(2100, 0, 1);

it.each<[string, boolean, "{}" | null]>([
  ["is committed", false, null],
  ["has failed", true, "{}"],
])(
  "a get waits until the clear of another %s",
  async (_, fails, found) => {
    const directory = tempDirectory();
    const watched = new WatchedFiles();
    const owner = await openMember(directory, { environment: { files: watched.files } });
    const guest = await openMember(directory);
    const other = await openMember(directory);
    await guest.write([["a", "{}", FAR]]);
    const commits = on("sync", ".wal.log");
    const hold = watched.hold(commits);
    if (fails) watched.fail(commits, "EIO");
    const cleared = guest.clear().catch(() => 0);
    await until(() => hold.waiting > 0);
    // Its own is seen at once.
    expect(await guest.get(["a"])).toEqual([null]);
    let answered = 0;
    const ask = async (engine: Engine) => {
      const answer = await engine.get(["a"]);
      answered++;
      return answer;
    };
    const gets = [ask(owner), ask(other)];
    // Both have been asked when this is answered.
    await Promise.all([owner.length(), other.length()]);
    expect(answered).toBe(0);
    hold.release();
    await cleared;
    expect(await Promise.all(gets)).toEqual([[found], [found]]);
    watched.recover();
  },
  20_000,
);
