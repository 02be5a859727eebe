/**
 * Owns what an engine must do, whatever it keeps its sessions in: the contract of
 * src/protocol/contract.ts as a function of a kind of engine, a file for each topic.
 */
import { describe, it, onTestFinished } from "vitest";
import { behaviorOf, type EngineBehavior, type EngineKind } from "./engine/behavior.js";
import { close } from "./engine/close.js";
import { compact } from "./engine/compact.js";
import { expiry } from "./engine/expiry.js";
import { get } from "./engine/get.js";
import { listing } from "./engine/listing.js";
import { moved } from "./engine/moved.js";
import { order } from "./engine/order.js";
import { states } from "./engine/states.js";
import { touch } from "./engine/touch.js";
import { update } from "./engine/update.js";
import { users } from "./engine/users.js";
import { write } from "./engine/write.js";

/** The topics, by the subject of the titles of their tests. */
export const ENGINE_TOPICS: Readonly<Record<string, (behavior: EngineBehavior) => void>> = {
  get,
  write,
  "an update": update,
  touch,
  "a session that is moved": moved,
  "the sessions of a user": users,
  "the list of sessions": listing,
  "an expiry": expiry,
  "calls made at once": order,
  compact,
  "every call": states,
  close,
};

/** Runs the behavior of an engine over those of one kind. */
export function engineSuite<Place>(name: string, kind: EngineKind<Place>): void {
  describe(name, () => {
    for (const [subject, topic] of Object.entries(ENGINE_TOPICS)) {
      describe(subject, () => topic(behaviorOf(kind, { it, onTestFinished })));
    }
  });
}
