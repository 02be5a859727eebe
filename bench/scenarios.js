/** What the clients do: the requests of each scenario, and the application that serves them. */
import express from "express";
import session from "express-session";
import signature from "cookie-signature";
import { DAY_MS, SESSION_BYTES, sessionBody, sessionIds } from "./sessions.js";

const SECRET = "a secret of the benchmark";
const COOKIE = "connect.sid";

/** `writes` is the share of the requests that change the session; the others only read it. */
export const SCENARIOS = {
  read: {
    title: "read-mostly: 95 % get and touch, 5 % get and set",
    writes: 0.05,
    bytes: SESSION_BYTES,
  },
  write: {
    title: "every request changes the session: get and set",
    writes: 1,
    bytes: SESSION_BYTES,
  },
  login: {
    title: "login storm: no session yet, regenerate, set",
    login: true,
    bytes: SESSION_BYTES,
  },
  large: { title: "16 KB sessions, one request of five changes one", writes: 0.2, bytes: 16_384 },
};

/** The express application, as its documentation sets it up. */
export function application(store, bytes) {
  const app = express();
  app.disable("x-powered-by");
  app.use(
    session({
      name: COOKIE,
      secret: SECRET,
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: DAY_MS },
      store,
    }),
  );
  const user = (request) => String(request.session.user?.id);
  app.get("/read", (request, response) => response.send(user(request)));
  app.get("/write", (request, response) => {
    request.session.views++;
    response.send(user(request));
  });
  app.post("/login/:number", (request, response, next) => {
    request.session.regenerate((error) => {
      if (error) return next(error);
      const content = sessionBody(Number(request.params.number), bytes);
      delete content.cookie;
      Object.assign(request.session, content);
      response.send(user(request));
    });
  });
  return app;
}

/** The session ids that clients have, no more than this many of those that the store has. */
const MAX_CLIENTS = 20_000;

export const clientNumbers = (sessions) => Math.min(sessions, MAX_CLIENTS);

/** A source of requests, each with what makes its answer a right one. */
export function requests({ writes, login }, sessions, random) {
  const clients = clientNumbers(sessions);
  const cookies = sessionIds(login ? 0 : clients).map(
    (sid) => `${COOKIE}=${encodeURIComponent(`s:${signature.sign(sid, SECRET)}`)}`,
  );
  const right = (number) => (status, headers, text) => status === 200 && text === String(number);

  return () => {
    const number = Math.floor(random() * clients);
    if (login) {
      return {
        options: { method: "POST", path: `/login/${number}` },
        accepts: (status, headers, text) =>
          right(number)(status, headers, text) && String(headers["set-cookie"]).includes(COOKIE),
      };
    }
    const path = random() < writes ? "/write" : "/read";
    return {
      options: { method: "GET", path, headers: { cookie: cookies[number] } },
      accepts: right(number),
    };
  };
}
