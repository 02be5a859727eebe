/** Owns that a store can be closed at any moment of a change of owner. */
import { expect, it } from "vitest";
import { nodeSockets, type Sockets } from "../../src/worker/ports/sockets.js";
import { openMember, sharingOf } from "../support/members.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";
import { on, WatchedFiles } from "../support/watched-files.js";

it("a guest is closed while its next owner is still opening the collection", async () => {
  const directory = tempDirectory();
  const watched = new WatchedFiles();
  const patient = new WatchedFiles();
  let joined = 0;
  const sockets: Sockets = {
    ...nodeSockets,
    async connect(...args) {
      const socket = await nodeSockets.connect(...args);
      // Said at the end of the handshake: that the guest is welcome.
      let read = 0;
      socket.on("data", () => {
        if (++read === 2) joined++;
      });
      return socket;
    },
  };
  const first = await openMember(directory);
  const next = await openMember(directory, { environment: { files: watched.files } });
  const guest = await openMember(directory, { sockets, environment: { files: patient.files } });
  await until(() => joined === 1);
  const opening = watched.hold(on("open", ".log"));
  // The other guest does nothing before the next owner has the lock.
  patient.onOperation = () => until(() => opening.waiting > 0);
  await first.close();
  await until(() => joined === 2);
  await guest.close();
  opening.release();
  expect(await sharingOf(next)).toMatchObject({ role: "owner", guests: 0 });
});
