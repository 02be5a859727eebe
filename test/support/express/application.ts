/**
 * Owns an application of express, express-session and passport over a store under test: its users
 * log in and out, and put values into their sessions.
 */
import express, { type ErrorRequestHandler, type Request, type RequestHandler } from "express";
import session from "express-session";
import passport from "passport";
import type { Stored } from "../../conformance/subject.js";

/** The session of a request, as the data that these applications put there. */
export function dataOf(request: Request): Stored {
  return request.session as unknown as Stored;
}

/** Logs in whom the path names, without a password. */
class NameStrategy extends passport.Strategy {
  override readonly name = "name";

  override authenticate(this: passport.StrategyCreated<this>, request: Request): void {
    this.success({ name: request.params["name"] });
  }
}

/** Answers with what the session has, and with its id. */
export const show: RequestHandler = (request, response) => {
  const { cookie: _, ...data } = dataOf(request);
  response.json({ sid: request.sessionID, user: request.user ?? null, data });
};

/** An application whose users log in and out, and put values into their sessions. */
export function application(
  store: session.Store,
  options: Partial<session.SessionOptions> = {},
): express.Express {
  const authenticator = new passport.Passport();
  authenticator.use(new NameStrategy());
  authenticator.serializeUser((user, done) => done(null, user));
  authenticator.deserializeUser((user: Express.User, done) => done(null, user));

  const app = express();
  app.use(
    session({ secret: "a test's", resave: false, saveUninitialized: false, ...options, store }),
  );
  app.use(authenticator.initialize());
  app.use(authenticator.session());

  app.get("/", show);
  app.post("/login/:name", authenticator.authenticate("name") as RequestHandler, show);
  app.post("/logout", (request, response, next) => {
    request.logout((error) => (error ? next(error) : show(request, response, next)));
  });
  app.post("/put/:key/:value", (request, response, next) => {
    dataOf(request)[request.params.key] = request.params.value;
    show(request, response, next);
  });
  app.post("/count", (request, response) => {
    const count = Number(dataOf(request)["count"] ?? 0) + 1;
    dataOf(request)["count"] = count;
    response.json(count);
  });
  return app;
}

/** Makes an express application answer errors as JSON; to be called after all its routes. */
export function answerErrors(app: express.Express): void {
  const answer: ErrorRequestHandler = (error: { code?: string }, _request, response, _next) => {
    response.status(500).json({ code: error.code });
  };
  app.use(answer);
}
