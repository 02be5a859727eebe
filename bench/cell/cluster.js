/** Process: the primary of a node:cluster whose instances serve one store; and each instance. */
import assert from "node:assert/strict";
import cluster from "node:cluster";
import { once } from "node:events";
import { sessionBody, sessionId } from "../load/sessions.js";
import { answer, run } from "../process.js";
import { contenderOf } from "../stores/index.js";
import { call, prepared } from "../stores/prepared.js";
import { application } from "./http.js";

/** @typedef {import("../cells.js").Task & typeof import("../cells.js").CLUSTER} Task */

/** An instance. The first fills the store, and of files it is the owner. @param {Task} task */
async function serve(task, id = cluster.worker?.id ?? 1) {
  const contender = contenderOf(task.contender);
  const first = () => prepared(contender, task, task.bytes);
  const { store } = await (id === 1 ? first() : contender.open(task.directory));
  await call(store, "set", sessionId(-id), sessionBody(-id));
  process.on("message", async (/** @type {number[]} */ ids) => {
    for (const other of ids) {
      const found = await call(store, "get", sessionId(-other));
      assert.equal(found?.user.id, -other, "what another instance has stored is not found");
    }
    process.send?.("shared");
  });
  const server = application(store, task).listen(0, "127.0.0.1");
  await once(server, "listening");
  process.send?.(server.address());
}

/** What an instance says next. @param {import("node:cluster").Worker} instance */
async function said(instance) {
  const ended = once(instance, "exit").then(() => Promise.reject(new Error("an instance ended")));
  return (await Promise.race([once(instance, "message"), ended]))[0];
}

/** @param {import("express-session").Store} store @param {number[]} numbers acknowledged */
export async function assertKept(store, numbers) {
  for (const number of numbers) {
    const found = await call(store, "get", sessionId(number));
    assert.equal(found?.views, 1, "an acknowledged write was lost");
  }
}

/** @param {Task} task */
async function measureCluster(task) {
  const first = cluster.fork();
  const { port } = await said(first);
  const others = Array.from({ length: task.processes - 1 }, () => cluster.fork());
  await Promise.all(others.map(said));
  const ids = [first, ...others].map(({ id }) => id);
  // What one has stored, all find: it is one store.
  await Promise.all([first, ...others].map((it) => (it.send(ids), said(it))));
  if (!task.kills) return (await run("load/clients.js", { ...task, port })).figures;

  const restarted = once(cluster, "exit").then(() => said(cluster.fork()));
  const told = { ...task, port, pid: first.process.pid };
  const { acknowledged, ...figures } = await run("load/outage.js", told);
  await restarted;
  const { store } = await contenderOf(task.contender).open(task.directory);
  await assertKept(store, acknowledged);
  return figures;
}

if (cluster.isPrimary) await answer(import.meta.url, measureCluster);
else await serve(JSON.parse(process.argv[2] ?? ""));
