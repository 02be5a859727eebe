/** The command line. */
import { parseArgs } from "node:util";
import { CONTENDERS } from "./contenders.js";
import { hasCells, SECTIONS } from "./matrix.js";
import { DATA, fromCaller, LATEST, PART } from "./paths.js";

export const USAGE = `npm run bench -- [options]

  --only a,b         sections, or parts of them: ${Object.keys(SECTIONS).join(", ")};
                     http/write is all of http on that scenario, http/write/memory one cell
  --stores a,b       contenders: ${Object.keys(CONTENDERS).join(", ")}
  --seconds n        length of a timed window at a fixed rate (default 1; 4 with --full);
                     half of it at full speed and for calls
  --repeat n         runs of all cells, each in fresh processes (default 3)
  --minutes n        begins no further run that would not end within as many (default 9.5;
                     without limit with --full)
  --rates a,b        fixed rates over HTTP, requests a second (default 500; 250,500,1000,2000
                     with --full)
  --full             everything at full size: hours rather than minutes
  --directory path   where the stores keep their files (default bench/.data)
  --json file        the results as JSON (default bench/results/latest.json; part.json with
                     --only or --stores); the page with the plots is written beside it, as .html
  --list             print the cells and end`;

const DEFAULT = { seconds: "1", repeat: "3", minutes: "9.5", rates: "500" };
const FULL = { seconds: "4", repeat: "3", minutes: "Infinity", rates: "250,500,1000,2000" };

/** What the caller has to mend. */
export class UsageError extends Error {}

const list = (text) => text.split(",").filter(Boolean);

function positive(name, text) {
  const number = Number(text);
  if (!(number > 0)) throw new UsageError(`--${name} must be a number above 0, not ${text}`);
  return number;
}

function count(name, text) {
  const number = positive(name, text);
  if (!Number.isInteger(number)) throw new UsageError(`--${name} must be a whole number`);
  return number;
}

const ALL_STORES = Object.keys(CONTENDERS).join();

function parsed(args) {
  try {
    return parseArgs({
      args,
      options: {
        only: { type: "string" },
        stores: { type: "string", default: ALL_STORES },
        seconds: { type: "string" },
        repeat: { type: "string" },
        minutes: { type: "string" },
        rates: { type: "string" },
        full: { type: "boolean", default: false },
        directory: { type: "string", default: DATA },
        json: { type: "string" },
        list: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (cause) {
    if (!cause.code?.startsWith("ERR_PARSE_ARGS")) throw cause;
    throw new UsageError(cause.message, { cause });
  }
}

/**
 * Complete and checked settings from the arguments.
 * @throws UsageError
 */
export function readOptions(args) {
  const given = parsed(args);
  const values = { ...(given.full ? FULL : DEFAULT), ...given };
  const stores = list(values.stores);
  for (const name of stores) {
    if (!Object.hasOwn(CONTENDERS, name)) throw new UsageError(`--stores: there is no ${name}`);
  }
  const only = values.only === undefined ? undefined : list(values.only);
  for (const part of only ?? []) {
    if (hasCells(part, values.full)) continue;
    const withFull = hasCells(part, true) ? " without --full" : "";
    throw new UsageError(`--only: there is no ${part}${withFull}`);
  }
  const isPart = only !== undefined || values.stores !== ALL_STORES;
  return {
    ...values,
    stores,
    only,
    seconds: positive("seconds", values.seconds),
    repeat: count("repeat", values.repeat),
    minutes: positive("minutes", values.minutes),
    rates: list(values.rates).map((rate) => positive("rates", rate)),
    directory: fromCaller(values.directory),
    json: fromCaller(values.json ?? (isPart ? PART : LATEST)),
  };
}
