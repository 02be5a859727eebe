/** Owns that who only looks is never the owner: it joins one, or fails, and writes nothing. */
import { readdirSync, statSync } from "node:fs";
import { expect, it } from "vitest";
import { joinEngine } from "../../src/worker/share/open.js";
import { engineConfig } from "../support/engine-world.js";
import { listenerTo } from "../support/listener.js";
import { openMember } from "../support/members.js";
import { tempDirectory } from "../support/temp-dir.js";

const FAR = Date.UTC(2100, 0, 1);

function stateOf(directory: string): unknown {
  return [statSync(directory).mtimeMs, readdirSync(directory).sort()];
}

function join(directory: string) {
  const config = engineConfig(directory, { share: true, maxPendingMs: 500, owner: "a looker" });
  return joinEngine(
    config,
    listenerTo(() => undefined),
  );
}

const NO_OWNER = { code: "STORE_IO", cause: { code: "EROFS" } };

it("fails where there is no owner, and leaves the directory as it was", async () => {
  const directory = tempDirectory();
  const before = stateOf(directory);
  await expect(join(directory)).rejects.toMatchObject(NO_OWNER);
  expect(stateOf(directory)).toEqual(before);
});

it("goes from owner to owner, and fails when there is none any more", async () => {
  const directory = tempDirectory();
  const first = await openMember(directory);
  await first.write([["a", "{}", FAR]]);
  const guest = await join(directory);
  expect(await guest.ids()).toEqual(["a"]);
  await first.close();
  const second = await openMember(directory);
  expect(await guest.ids()).toEqual(["a"]);
  await second.close();
  const before = stateOf(directory);
  await expect(guest.ids()).rejects.toMatchObject(NO_OWNER);
  expect(stateOf(directory)).toEqual(before);
  await guest.close();
});
