/** Owns that stores which are too late for a lock, all at once, do not wait for each other. */
import { expect, it } from "vitest";
import { nodeSockets, type Sockets } from "../../src/worker/ports/sockets.js";
import { openWorld } from "../support/engine-world.js";
import { openMember, sharingOf } from "../support/members.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";
import { on, WatchedFiles } from "../support/watched-files.js";

it("two that come too late for a lock which is gone again share the collection at once", async () => {
  const directory = tempDirectory();
  let listening = 0;
  const sockets: Sockets = {
    ...nodeSockets,
    async listen(...args) {
      listening++;
      // Each has looked for others before any can be found.
      await until(() => listening >= 2);
      return nodeSockets.listen(...args);
    },
  };
  let looks = 0;
  const rivals = [1, 2].map(() => {
    const watched = new WatchedFiles();
    watched.onOperation = ({ kind }) => void (looks += Number(kind === "list"));
    const links = watched.hold(on("link", "sessions.lock"));
    const opening = openMember(directory, { sockets, environment: { files: watched.files } });
    return { watched, links, opening };
  });
  await until(() => rivals.every(({ links }) => links.waiting > 0));
  const first = await openWorld(directory);
  const reads = rivals.map(({ watched }) => watched.hold(on("open", "sessions.lock")));
  for (const { links } of rivals) links.release();
  await until(() => reads.every(({ waiting }) => waiting > 0));
  await first.close();
  for (const read of reads) read.release();
  const stores = await Promise.all(rivals.map(({ opening }) => opening));
  const roles = await Promise.all(stores.map(async (store) => (await sharingOf(store)).role));
  expect(roles.sort()).toEqual(["guest", "owner"]);
  // Each looks every 25 ms while it waits.
  expect(looks).toBeLessThan(50);
}, 30_000);
