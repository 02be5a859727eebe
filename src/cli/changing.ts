/** The commands that change what is there: revoke, compact. */
import type { Engine } from "../protocol/contract.js";
import { writeOne } from "../protocol/dispatch.js";
import { change } from "./access.js";
import { EXIT, type Exit, Failure, usage } from "./failure.js";
import { noSession } from "./looking.js";
import type { Given } from "./options.js";
import { confirm, write, writeJson } from "./output.js";
import { placeOf } from "./place.js";

/** Which sessions to end: one, a user's, or all. */
interface Target {
  readonly what: string;
  readonly end: (engine: Engine) => Promise<number>;
}

export async function revoke(given: Given): Promise<Exit> {
  const { what, end } = targetOf(given);
  const place = placeOf(given);
  if (!given.is("yes") && !(await confirm(`End ${what} in ${place.name}?`))) {
    throw new Failure(EXIT.failed, "nothing was changed");
  }
  const revoked = await change(place, end);
  if (revoked === 0 && given.args.length > 0) throw noSession(place);
  if (given.is("json")) await writeJson({ revoked });
  else await write(`${counted(revoked)} ended\n`);
  return EXIT.done;
}

function targetOf(given: Given): Target {
  const [id] = given.args;
  const user = given.text("user");
  const isAll = given.is("all");
  const ways = [id, user, isAll || undefined].filter((way) => way !== undefined);
  if (ways.length !== 1) throw usage("which sessions? Give an id, --user USER or --all");
  if (id !== undefined) return { what: "this session", end: (engine) => writeOne(engine, [id]) };
  if (user === undefined) return { what: "all sessions", end: (engine) => engine.clear() };
  return {
    what: "all sessions of this user",
    end: (engine) => engine.destroyAllOf(user, null),
  };
}

export function counted(sessions: number): string {
  return `${sessions} ${sessions === 1 ? "session" : "sessions"}`;
}

export async function compact(given: Given): Promise<Exit> {
  const place = placeOf(given);
  if (place.files === null)
    throw usage("compact is of files: in Redis there is nothing to rewrite");
  const disk = await change(place, async (engine) => {
    await engine.compact();
    return (await engine.stats()).disk;
  });
  const journalBytes = disk?.walBytes ?? 0;
  const snapshotBytes = disk?.snapshotBytes ?? 0;
  if (given.is("json")) await writeJson({ journalBytes, snapshotBytes });
  else await write(`journal ${journalBytes} bytes, snapshot ${snapshotBytes} bytes\n`);
  return EXIT.done;
}
