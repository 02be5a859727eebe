/** Where files are. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

export const DATA = here("./.data");
export const LATEST = here("./results/latest.json");
/** Of a run of parts, which the plots are not made of. */
export const PART = here("./results/part.json");
/** The run that the documents speak of. */
export const PUBLISHED = here("./published.json");
export const IMAGES = here("../docs/img");

/** A path that the caller gave: npm has changed into this directory since. */
export const fromCaller = (path) => resolve(process.env.INIT_CWD ?? "", path);
