/** `import.meta.url` for CommonJS, which has none: see tsup.config.ts. */
import { pathToFileURL } from "node:url";

export const importMetaUrl = pathToFileURL(__filename).href;
