/** Owns that a store which gets the lock and cannot open the collection stands in nobody's way. */
import { expect, it } from "vitest";
import type { StoreError } from "../../src/protocol/errors.js";
import { nodeSockets, type Sockets } from "../../src/worker/ports/sockets.js";
import { openMember, sharingOf } from "../support/members.js";
import { tempDirectory } from "../support/temp-dir.js";
import { until } from "../support/until.js";
import { on, WatchedFiles } from "../support/watched-files.js";

const FAR = Date.UTC(2100, 0, 1);

it("a store that fails to open, again and again, is the guest of one that does not", async () => {
  const directory = tempDirectory();
  const opensJournal = on("open", ".log");
  let attempts = 0;
  const failing = new WatchedFiles();
  failing.fail(opensJournal, "EACCES");
  failing.onOperation = (operation) => {
    if (opensJournal(operation)) attempts++;
  };
  const healthy = new WatchedFiles();
  const first = await openMember(directory);
  const reports: StoreError[] = [];
  const unable = await openMember(directory, { environment: { files: failing.files }, reports });
  const able = await openMember(directory, { environment: { files: healthy.files } });
  await able.write([["a", '{"n":1}', FAR]]);
  // It comes too late for the lock, more than once.
  healthy.onOperation = () => until(() => attempts > 2);
  await first.close();
  const answers = await Promise.all([unable, able].map((store) => store.get(["a"])));
  expect(answers).toEqual([['{"n":1}'], ['{"n":1}']]);
  expect((await sharingOf(unable)).role).toBe("guest");
  expect((await sharingOf(able)).role).toBe("owner");
  expect(attempts).toBeGreaterThan(2);
  expect(reports.map(({ code }) => code)).toEqual(["STORE_IO"]);
});

it("one that has the wrong key refuses nobody for his", async () => {
  const directory = tempDirectory();
  const right = { encryptionKeys: ["the key of the files"] };
  const first = await openMember(directory, { config: right });
  await first.write([["a", '{"n":1}', FAR]]);
  await first.close();
  const slow = new WatchedFiles();
  const opening = slow.hold(on("open", ".log"));
  const wrong = openMember(directory, {
    config: { encryptionKeys: ["a key of something else"] },
    environment: { files: slow.files },
  });
  const failed = expect(wrong).rejects.toMatchObject({ code: "STORE_KEY_MISMATCH" });
  await until(() => opening.waiting > 0);
  const asked: string[] = [];
  const sockets: Sockets = {
    ...nodeSockets,
    async connect(...args) {
      const socket = await nodeSockets.connect(...args);
      // It has been greeted, and answers.
      socket.once("data", () => asked.push("proof"));
      return socket;
    },
  };
  const second = openMember(directory, { config: right, sockets });
  await until(() => asked.length > 0);
  opening.release();
  await failed;
  expect(await (await second).get(["a"])).toEqual(['{"n":1}']);
});
