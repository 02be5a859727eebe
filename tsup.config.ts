/**
 * Builds dist: for ESM the index, the connect factory and the worker; for CommonJS the index and
 * the factory. The worker is the ESM one for both. What they share is in files of its own, so that
 * a program that loads both entries has one StoreError.
 */
import { basename } from "node:path";
import { defineConfig, type Options } from "tsup";

const shared: Options = {
  outDir: "dist",
  platform: "node",
  target: "node20",
  sourcemap: true,
};

const index = "src/main/index.ts";
const connect = "src/main/connect.ts";

/** esbuild splits only ESM, so these are the chunks of CommonJS: nothing is in two files. */
const chunks = { store: "src/main/store.ts", errors: "src/protocol/errors.ts" };
const CHUNK = /\/(store|errors)\.js$/;

export default defineConfig([
  {
    ...shared,
    format: "esm",
    entry: { index, connect, worker: "src/worker/index.ts" },
    splitting: true,
  },
  {
    ...shared,
    format: "cjs",
    entry: { index, connect, ...chunks },
    splitting: false,
    // By which the worker is found. tsup's own shim breaks on a path with a # or a %, and under jsdom.
    inject: ["scripts/import-meta-url.js"],
    define: { "import.meta.url": "importMetaUrl" },
    esbuildPlugins: [
      {
        name: "chunks",
        setup: (build) => {
          build.onResolve({ filter: CHUNK }, ({ path }) => ({
            path: `./${basename(path, ".js")}.cjs`,
            external: true,
          }));
        },
      },
    ],
    // require() is the default export itself, with every export as a property of it. The types
    // that say so are made by scripts/cjs-types.js.
    footer: {
      js: "if (module.exports.default) module.exports = Object.assign(module.exports.default, module.exports);",
    },
  },
  // Each by itself, so that what declares the default export is in the same file as its export.
  { ...shared, format: "esm", entry: { index }, dts: { only: true } },
  { ...shared, format: "esm", entry: { connect }, dts: { only: true } },
]);
