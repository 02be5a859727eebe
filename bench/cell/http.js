/** Process: a server with one store. Its clients are another process. */
import { pbkdf2 } from "node:crypto";
import { once } from "node:events";
import express from "express";
import session from "express-session";
import { startProbe } from "../load/probe.js";
import { COOKIE, DAY_MS, SECRET, sessionBody } from "../load/sessions.js";
import { answer, run } from "../process.js";
import { contenderOf } from "../stores/index.js";
import { prepared } from "../stores/prepared.js";

/** Some 50 ms on one thread of libuv's pool. */
const ITERATIONS = 50_000;

/** @typedef {import("../cells.js").Task & typeof import("../cells.js").WRITE} Task */

/** As the documentation sets one up. @param {import("express-session").Store} store */
export function application(store, /** @type {Task} */ { bytes, rolling }) {
  const app = express();
  const cookie = { maxAge: DAY_MS };
  const unchanged = { resave: rolling, rolling, saveUninitialized: false };
  app.use(session({ name: COOKIE, secret: SECRET, ...unchanged, cookie, store }));
  app.get("/:kind", (request, response) => {
    const it = /** @type {any} */ (request.session);
    if (request.params.kind === "write") it.views++;
    response.send(`${it.user?.id}`);
  });
  app.get("/login/:number", (request, response, next) => {
    pbkdf2("a password", "a salt", ITERATIONS, 64, "sha512", () => {
      request.session.regenerate((error) => {
        if (error) return next(error);
        const content = sessionBody(Number(request.params.number), bytes);
        delete content.cookie;
        Object.assign(request.session, content);
        response.send(request.params.number);
      });
    });
  });
  return app;
}

/** @param {Task} task */
async function measureHttp(task) {
  const { store } = await prepared(contenderOf(task.contender), task, task.bytes);
  const server = application(store, task).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const delaysBetween = startProbe();
  const { from, to, figures } = await run("load/clients.js", { ...task, port });
  return { ...figures, delayP99: delaysBetween(from, to).percentile(99) };
}

await answer(import.meta.url, measureHttp);
