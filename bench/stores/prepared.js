/** A store must work before it is timed. */
import assert from "node:assert/strict";
import { promisify } from "node:util";
import { fill, sessionBody } from "../load/sessions.js";
import { setFsyncDelay, SLOW_MS } from "../slow-disk/index.js";

/** That it is what was given as JSON, whatever else the store adds. @param {any} found */
function assertSame(found, /** @type {string} */ json) {
  assert.ok(found, "a session that was stored is not found");
  const { cookie, ...content } = JSON.parse(json);
  for (const [name, value] of Object.entries(content)) assert.deepEqual(found[name], value);
  assert.equal(new Date(found.cookie.expires).toISOString(), cookie.expires);
}

/** @typedef {import("express-session").Store} Store */
/** @param {Store} store @param {string} name @param {unknown[]} args @returns {Promise<any>} */
export const call = (store, name, ...args) =>
  promisify((done) => /** @type {any} */ (store)[name](...args, done))();

/**
 * Opens a store that has stored, replaced, touched and destroyed a session rightly, and has kept it
 * when it was opened again, if its guarantee says so.
 * @param {import("./index.js").Contender} contender @param {string} directory
 */
async function openChecked(contender, directory) {
  let opened = await contender.open(directory);
  // session-file-store answers ENOENT where there is no such session.
  const get = () =>
    call(opened.store, "get", "check").catch(({ code }) => assert.equal(code, "ENOENT"));
  const [first, second] = [sessionBody(1), sessionBody(2, 2000)];
  // Before a store writes fields of its own into the object, as session-file-store does.
  const [firstJson, secondJson] = [JSON.stringify(first), JSON.stringify(second)];

  assert.ok(!(await get()), "a session that is not stored is found");
  await call(opened.store, "set", "check", first);
  assertSame(await get(), firstJson);
  await call(opened.store, "set", "check", second);
  assertSame(await get(), secondJson);
  if (contender.guarantee === "none") return opened;
  await call(opened.store, "touch", "check", second);
  if (contender.guarantee !== "memory") {
    await opened.close();
    opened = await contender.open(directory);
  }
  assertSame(await get(), secondJson);
  await call(opened.store, "destroy", "check");
  assert.ok(!(await get()), "a session that was destroyed is found");
  return opened;
}

/**
 * Such a store, filled. If the cell is about a slow disk, it is slow from then on.
 * @param {import("./index.js").Contender} contender
 * @param {import("../cells.js").Task & { sessions: number }} task @param {number} [bytes]
 */
export async function prepared(contender, { directory, sessions, slow }, bytes) {
  setFsyncDelay(0);
  const opened = await openChecked(contender, directory);
  await fill(opened.store, 0, sessions, bytes);
  if (slow) setFsyncDelay(SLOW_MS);
  return opened;
}
