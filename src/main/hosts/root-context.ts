/**
 * The async context in which the package was loaded. An engine lives in it, since a store may be
 * made, or its worker replaced, during a request: that request's context would be held as long as
 * the engine lives, and the errors of later would be reported in it.
 */
import { AsyncResource } from "node:async_hooks";

const root = new AsyncResource("express-session-isolate");

export function inRootContext<T>(run: () => T): T {
  return root.runInAsyncScope(run);
}
