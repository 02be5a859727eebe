/**
 * A server whose users stay logged in when it restarts. Run `npm start` in the root of the project.
 *
 *   PORT            the port on 127.0.0.1; 3000 by default, 0 for any free port
 *   REDIS_URL       a Redis server for the sessions, such as redis://localhost; by default they are files
 *   SESSION_SECRET  signs the session cookie; by default a secret is generated and stored in ./data
 *
 * Sessions are stored in ./data, relative to the directory the server is started in. With REDIS_URL,
 * servers on several machines can share them: give all the same SESSION_SECRET.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import process from "node:process";
import { IsolatedStore } from "express-session-isolate";
import { createApp } from "./app.js";
import { sessionSecret } from "./secret.js";

const HOST = "127.0.0.1";
const DIRECTORY = "./data";
/** How long requests in progress may take to finish when the server is stopped. */
const GRACE_MS = 5_000;

let stopping = false;

try {
  const server = await listen(process.env.PORT || "3000");
  const { REDIS_URL } = process.env;
  const place = REDIS_URL ? { redis: REDIS_URL } : { directory: DIRECTORY };
  const store = new IsolatedStore({ ...place, userOf: "userId" });
  process.once("SIGINT", () => stop(server, store));
  process.once("SIGTERM", () => stop(server, store));
  server.on("request", createApp(store, sessionSecret(DIRECTORY)));
  const { port } = server.address();
  await store.ready;
  if (!stopping) console.log(`listening on http://${HOST}:${port}`);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}

/** @param {string} port */
async function listen(port) {
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new Error(`PORT must be a number from 0 to 65535, not "${port}"`);
  }
  const server = createServer();
  server.listen(Number(port), HOST);
  try {
    await once(server, "listening");
  } catch (cause) {
    const why =
      cause.code === "EADDRINUSE"
        ? "another program uses this port; set PORT to choose another one"
        : cause.message;
    throw new Error(`cannot listen on ${HOST}:${port}: ${why}`, { cause });
  }
  return server;
}

/** Lets requests in progress finish, then closes the store, which flushes it to disk. */
async function stop(server, store) {
  if (stopping) return;
  stopping = true;
  const deadline = setTimeout(() => server.closeAllConnections(), GRACE_MS);
  // close() ends the connections that are idle now; the timer ends those that become idle later.
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  server.close();
  await once(server, "close");
  clearInterval(idle);
  clearTimeout(deadline);
  await store.close();
}
