/**
 * Builds dist: for ESM the index, the connect factory and the worker, with what they share in
 * chunks; for CommonJS the index and the factory. The worker is the ESM one for both.
 */
import { defineConfig, type Options } from "tsup";

const shared: Options = {
  outDir: "dist",
  platform: "node",
  target: "node20",
  sourcemap: true,
  // CommonJS has no import.meta.url, by which the worker is found.
  shims: true,
};

const publicEntries = { index: "src/main/index.ts", connect: "src/main/connect.ts" };

/** How connect imports the class: from the index beside it, so that there is only one class. */
const INDEX = /^\.\/index\.js$/;

export default defineConfig([
  {
    ...shared,
    format: "esm",
    entry: { ...publicEntries, worker: "src/worker/index.ts" },
    splitting: true,
    external: [INDEX],
    dts: { entry: publicEntries },
  },
  {
    ...shared,
    format: "cjs",
    entry: publicEntries,
    splitting: false,
    esbuildPlugins: [
      {
        name: "index.cjs",
        setup: (build) => {
          build.onResolve({ filter: INDEX }, () => ({ path: "./index.cjs", external: true }));
        },
      },
    ],
    // require() is the default export itself, with every export as a property of it. The types
    // that say so are made by scripts/cjs-types.js.
    footer: { js: "module.exports = Object.assign(module.exports.default, module.exports);" },
  },
]);
