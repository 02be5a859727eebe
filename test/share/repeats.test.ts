/** Owns which of the calls that a worker died of the next one makes, and when guests are let in. */
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Engine } from "../../src/protocol/contract.js";
import { systemProcesses } from "../../src/worker/ports/process-table.js";
import { Repeats } from "../../src/worker/share/repeats.js";
import { ManualClock } from "../support/manual-clock.js";
import { openMember } from "../support/members.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";
import { on, WatchedFiles } from "../support/watched-files.js";

const FAR = Date.UTC(2100, 0, 1);

/** Calls that are to be made again, and what happens, in its order. */
function scene(count: number) {
  const clock = new ManualClock();
  const repeats = new Repeats(clock, count);
  const happened: string[] = [];
  const make = (method: keyof Engine, ...args: unknown[]) =>
    repeats.make(method, args, (made, isRepeat) => {
      happened.push(`${method} ${JSON.stringify(made)}${isRepeat ? " again" : ""}`);
      return Promise.resolve();
    });
  repeats.before(() => happened.push("guests"));
  return { clock, repeats, happened, make };
}

it("guests are let in after the last of them, and at once where there is none", async () => {
  const { happened, make, clock } = scene(2);
  await make("write", 1);
  await make("touch", 2);
  await make("write", 3);
  await clock.advance(60_000);
  expect(happened).toEqual(["write [1] again", "touch [2] again", "guests", "write [3]"]);
  expect(scene(0).happened).toEqual(["guests"]);
});

it("what comes after the guests changes nothing; what has not been made before does", async () => {
  const { happened, make, clock } = scene(4);
  await make("write", 1);
  await clock.advance(1000);
  await expect(make("write", 2)).rejects.toMatchObject({ code: "STORE_UNCERTAIN" });
  await make("get", 3);
  await make("touch", 4);
  await make("write", 5);
  expect(happened).toEqual([
    ...["write [1] again", "guests"],
    ...["get [3] again", "touch [4,true] again", "write [5]"],
  ]);
});

it("nothing of the kind is expected where the main thread knows that others came between", async () => {
  const { happened, make, repeats } = scene(2);
  repeats.cancel();
  await make("write", 1);
  expect(happened).toEqual(["guests", "write [1]"]);
});

it("what may have been made is not kept for the next owner", async () => {
  const directory = tempDirectory();
  const { pid, host } = systemProcesses();
  const owner = "a store whose worker has died";
  const left = { pid, ts: Date.now(), host, owner };
  writeFileSync(join(directory, "sessions.lock"), JSON.stringify(left), { mode: 0o600 });
  const watched = new WatchedFiles();
  const environment = { files: watched.files };
  const member = await openMember(directory, { environment, config: { owner, repeats: 2 } });
  const held = watched.hold(on("sync", ".wal.log"));
  const writes = ["a", "b", "c"].map((sid) => member.write([[sid, "{}", FAR]]));
  await until(() => held.waiting > 0);
  rmSync(join(directory, "sessions.lock"));
  await until(() => !readdirSync(directory).some((name) => name.endsWith(".sock")));
  held.release();
  const uncertain = { code: "STORE_UNCERTAIN" };
  expect(await Promise.all(writes)).toMatchObject([[uncertain], [uncertain], [0]]);
}, 20_000);
