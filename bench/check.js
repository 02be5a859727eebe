/** A store must work before it is timed. */
import assert from "node:assert/strict";
import { promisify } from "node:util";
import { SESSION_BYTES, sessionBody } from "./sessions.js";

/** The methods of a store as promises. */
export function promised(store) {
  const method = (name) => store[name] && promisify(store[name].bind(store));
  return {
    get: method("get"),
    set: method("set"),
    touch: method("touch"),
    destroy: method("destroy"),
  };
}

/** What a store must give back: what it was given as JSON, whatever else it adds of its own. */
function assertSame(found, json) {
  const { cookie, ...content } = JSON.parse(json);
  assert.ok(found, "a session that was stored is not found");
  for (const [name, value] of Object.entries(content)) assert.deepEqual(found[name], value);
  assert.equal(new Date(found.cookie.expires).toISOString(), cookie.expires);
}

/** ENOENT is how session-file-store says, after retries, that there is no such session. */
async function assertAbsent(store, sid) {
  const found = await store.get(sid).catch((error) => {
    if (error.code !== "ENOENT") throw error;
  });
  assert.ok(!found, "a session that is not stored is found");
}

/**
 * Stores, reads, replaces, touches and destroys a session, and where the contender has files reads one back
 * after it was closed and opened again. Answers what it opened last.
 */
export async function checked(contender, at) {
  let opened = await contender.open(at);
  const first = sessionBody(1, SESSION_BYTES);
  const second = sessionBody(2, 2000);
  // Before a store writes its own fields into the object, as session-file-store does.
  const [firstJson, secondJson] = [JSON.stringify(first), JSON.stringify(second)];
  const echo = contender.guarantee === "none";

  let store = promised(opened.store);
  await assertAbsent(store, "check");
  await store.set("check", first);
  if (echo) {
    assert.deepEqual(await store.get("check"), JSON.parse(firstJson));
    return opened;
  }
  assertSame(await store.get("check"), firstJson);
  await store.set("check", second);
  await store.touch("check", second);
  assertSame(await store.get("check"), secondJson);
  if (contender.files) {
    await opened.close();
    opened = await contender.open(at);
    store = promised(opened.store);
    assertSame(await store.get("check"), secondJson);
  }
  await store.destroy("check");
  await assertAbsent(store, "check");
  return opened;
}
