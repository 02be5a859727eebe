/**
 * Builds dist: for ESM the index, the connect factory and the worker; for CommonJS the index, the
 * factory and the engine. The worker is the ESM one for both formats.
 *
 * There are no source maps: the build is not minified and names the source file of each part.
 */
import { join, resolve } from "node:path";
import { defineConfig, type Options } from "tsup";

const shared: Options = {
  outDir: "dist",
  platform: "node",
  // package.json allows ^20.15.0 || >=22.2.0: the first releases of each line with zlib.crc32.
  target: "node20",
  sourcemap: false,
};

const index = "src/main/index.ts";
const connect = "src/main/connect.ts";

/**
 * esbuild splits only ESM, so these are the shared files of CommonJS. Both entries load the store and
 * the errors, so a program that loads both has one StoreError. Only `isolate: false` loads the engine.
 */
const chunks = {
  store: "src/main/store.ts",
  errors: "src/protocol/errors.ts",
  engine: "src/worker/disk/engine.ts",
};
const chunkOf = new Map(
  Object.entries(chunks).map(([name, source]) => [resolve(source), `./${name}.cjs`]),
);

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
    // Locates the worker file. tsup's own shim fails for paths with a # or a %, and under jsdom.
    inject: ["scripts/import-meta-url.js"],
    define: { "import.meta.url": "importMetaUrl" },
    esbuildPlugins: [
      {
        name: "chunks",
        setup: (build) => {
          build.onResolve({ filter: /^\..*\.js$/ }, ({ path, resolveDir }) => {
            const chunk = chunkOf.get(join(resolveDir, path).replace(/\.js$/, ".ts"));
            return chunk === undefined ? undefined : { path: chunk, external: true };
          });
        },
      },
    ],
    esbuildOptions: (options) => {
      // Loads the engine by require(), since import() fails under Jest unless Node is given a flag.
      options.supported = { "dynamic-import": false };
    },
    // require() returns the default export itself, with all exports as its properties.
    // scripts/cjs-types.js generates the types for that.
    footer: {
      js: "if (module.exports.default) module.exports = Object.assign(module.exports.default, module.exports);",
    },
  },
  // Built separately: scripts/cjs-types.js needs each default export declared where it is exported.
  { ...shared, format: "esm", entry: { index }, dts: { only: true } },
  { ...shared, format: "esm", entry: { connect }, dts: { only: true } },
]);
