/** The command line. */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { CONTENDERS } from "./contenders.js";
import { SECTIONS } from "./matrix.js";

export const RESULTS = fileURLToPath(new URL("./results", import.meta.url));

export const USAGE = `npm run bench -- [options]

  --only a,b         sections, or parts of them: ${Object.keys(SECTIONS).join(", ")};
                     http/write is all of http on that scenario, http/write/memory one cell
  --stores a,b       contenders: ${Object.keys(CONTENDERS).join(", ")}
  --seconds n        length of a timed window over HTTP (default 1); half of it for calls
  --repeat n         timed windows in each cell (default 3)
  --rounds n         runs of all cells, each in fresh processes (default 1; 3 with --full)
  --rates a,b        fixed rates over HTTP, requests a second (default 500)
  --full             everything at full size: hours rather than minutes
  --directory path   where the stores keep their files (default bench/.data)
  --json file        the results as JSON (default bench/results/latest.json); the page with the
                     plots is written beside it, as .html
  --list             print the cells and end`;

const list = (text) => text?.split(",").filter(Boolean);

function positive(name, text) {
  const number = Number(text);
  if (!(number > 0)) throw new RangeError(`--${name} must be a number above 0, not ${text}`);
  return number;
}

/** Complete and checked settings from the arguments. */
export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: "string" },
      stores: { type: "string" },
      seconds: { type: "string", default: "1" },
      repeat: { type: "string", default: "3" },
      rounds: { type: "string" },
      rates: { type: "string" },
      full: { type: "boolean", default: false },
      directory: { type: "string", default: fileURLToPath(new URL("./.data", import.meta.url)) },
      json: { type: "string", default: `${RESULTS}/latest.json` },
      list: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const stores = list(values.stores) ?? Object.keys(CONTENDERS);
  for (const name of stores) {
    if (!CONTENDERS[name]) throw new RangeError(`--stores: there is no ${name}`);
  }
  const only = list(values.only) ?? Object.keys(SECTIONS);
  for (const part of only) {
    if (!SECTIONS[part.split("/")[0]]) throw new RangeError(`--only: there is no ${part}`);
  }
  const rates = list(values.rates) ?? (values.full ? ["250", "500", "1000", "2000"] : ["500"]);
  return {
    ...values,
    stores,
    only,
    seconds: positive("seconds", values.seconds),
    repeat: positive("repeat", values.repeat),
    rounds: positive("rounds", values.rounds ?? (values.full ? 3 : 1)),
    rates: rates.map((rate) => positive("rates", rate)),
  };
}
