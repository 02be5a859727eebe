/**
 * An Express server as one runs it under PM2, which counts the visits of each session: the rest of
 * the directory is where `scripts/test-pm2.js` puts it.
 */
import process from "node:process";
import express from "express";
import session from "express-session";
import IsolatedStore from "express-session-isolate";

const store = new IsolatedStore({ directory: process.env["SESSIONS"] ?? "" });
await store.ready;
const app = express();
app.use(session({ secret: "s", resave: false, saveUninitialized: false, store }));
app.get("/visit", (request, response) => {
  const visitor = /** @type {{ visits?: number }} */ (request.session);
  visitor.visits = (visitor.visits ?? 0) + 1;
  response.json({ visits: visitor.visits, pid: process.pid });
});
app.get("/look", (request, response) => {
  const { visits = null } = /** @type {{ visits?: number }} */ (request.session);
  response.json({ visits, pid: process.pid });
});
app.get("/logout", (request, response, next) => {
  request.session.destroy((error) => (error ? next(error) : response.json({ pid: process.pid })));
});
const server = app.listen(Number(process.env["PORT"]), "127.0.0.1", () => process.send?.("ready"));
process.on("SIGINT", () => server.close(() => store.close().then(() => process.exit())));
