import { fileURLToPath } from "node:url";
import { Eta } from "eta";
import express from "express";
import session from "express-session";

const MAX_USER_ID = 64;
const MAX_BROWSER = 200;
const DAY_MS = 24 * 60 * 60 * 1000;

const views = new Eta({ views: fileURLToPath(new URL(".", import.meta.url)), cache: true });

/**
 * The routes. Browsers get pages, other clients get JSON.
 *
 * @param {import("express-session-isolate").IsolatedStore} store
 * @param {string} secret
 */
export function createApp(store, secret) {
  const app = express();
  app.disable("x-powered-by");
  app.use(
    session({
      store,
      secret,
      resave: false,
      saveUninitialized: false,
      // lax keeps other sites from submitting our forms on behalf of the user.
      cookie: { sameSite: "lax", maxAge: DAY_MS },
    }),
  );
  app.use(express.json(), express.urlencoded({ extended: false }));

  app.get("/", async (req, res) => {
    const { userId } = req.session;
    if (userId !== undefined) countVisit(req);
    const sessions = userId === undefined ? [] : await sessionsOf(req);
    sendPage(res, { session: req.session, sessions, live: await store.length() });
  });

  app.post("/login", async (req, res) => {
    const userId = readUserId(req.body);
    // A new session id at login: an id that somebody else knew before it is useless afterwards.
    await call(req.session, "regenerate");
    req.session.userId = userId;
    req.session.loggedInAt = new Date().toISOString();
    req.session.browser = (req.get("user-agent") ?? "unknown").slice(0, MAX_BROWSER);
    req.session.visits = 0;
    // Stored before the browser is redirected to a page that needs it.
    await call(req.session, "save");
    answer(req, res, { userId });
  });

  app.get("/me", (req, res) => {
    requireLogin(req);
    countVisit(req);
    const { userId, loggedInAt, visits } = req.session;
    res.json({ userId, loggedInAt, visits });
  });

  app.get("/sessions", async (req, res) => {
    requireLogin(req);
    res.json(await sessionsOf(req));
  });

  app.post("/logout-others", async (req, res) => {
    requireLogin(req);
    const ended = await store.destroyAllOf(req.session.userId, { except: req.sessionID });
    answer(req, res, { ended });
  });

  app.post("/logout", async (req, res) => {
    await call(req.session, "destroy");
    res.clearCookie("connect.sid");
    answer(req, res, { ok: true });
  });

  /** The sessions of the user. Their ids stay here: who knows one has its session. */
  async function sessionsOf(req) {
    const found = await store.sessionsOf(req.session.userId);
    return found.map(({ id, session: { browser, loggedInAt } }) => {
      return { browser, loggedInAt, isThis: id === req.sessionID };
    });
  }

  app.use(() => {
    throw new HttpError(404, "not found");
  });

  app.use((error, req, res, next) => {
    const { status, message } = describe(error);
    if (status >= 500) console.error(error);
    if (res.headersSent) return next(error);
    res.status(status);
    if (wantsPage(req)) sendPage(res, { error: message });
    else res.json({ error: message });
  });

  return app;
}

class HttpError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** What the client is told: the reason for a bad request, but nothing about an internal error. */
function describe({ status = 500, type, message }) {
  if (type === "entity.parse.failed") return { status, message: "the body is not valid JSON" };
  return status < 500 ? { status, message } : { status: 500, message: "internal error" };
}

function readUserId(body) {
  const userId = body?.userId;
  if (typeof userId !== "string" || userId.trim() === "") {
    throw new HttpError(400, "userId is missing: send it as a form field or a JSON string");
  }
  if (userId.length > MAX_USER_ID) {
    throw new HttpError(400, `userId is longer than ${MAX_USER_ID} characters`);
  }
  return userId.trim();
}

function requireLogin(req) {
  if (req.session.userId === undefined) throw new HttpError(401, "not logged in");
}

function countVisit(req) {
  req.session.visits += 1;
}

function answer(req, res, json) {
  if (wantsPage(req)) res.redirect(303, "/");
  else res.json(json);
}

function wantsPage(req) {
  return req.accepts(["json", "html"]) === "html";
}

function sendPage(res, data) {
  res.set({
    "Cache-Control": "no-store",
    "Content-Security-Policy":
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
  });
  res.type("html").send(views.render("page", data));
}

/** Calls a session method that takes a callback, and returns a promise. */
function call(session, method) {
  return new Promise((resolve, reject) => {
    session[method]((error) => (error ? reject(error) : resolve()));
  });
}
