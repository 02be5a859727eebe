/**
 * Builds dist: for ESM the index, the connect factory, the worker and the command line; for CommonJS
 * the index, the factory and the engines. The worker is the ESM one for both formats, and so is the
 * disk thread.
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
 * the errors, so a program that loads both has one StoreError. Only `isolate: false` loads an engine,
 * when it opens; the timers are taken before.
 */
const chunks = {
  store: "src/main/store.ts",
  errors: "src/protocol/errors.ts",
  timers: "src/protocol/timers.ts",
  open: "src/worker/open.ts",
  engine: "src/worker/share/open.ts",
  "redis-engine": "src/worker/redis/engine.ts",
  "moving-engine": "src/worker/move/engine.ts",
};
const chunkOf = new Map(
  Object.entries(chunks).map(([name, source]) => [resolve(source), `./${name}.cjs`]),
);

/** How the worker's file is found, in each format, and what is found. */
const location = "src/main/hosts/worker-location.ts";
const locationCjs = "src/main/hosts/worker-location-cjs.ts";
const worker = "./worker.js";

export default defineConfig([
  {
    ...shared,
    format: "esm",
    entry: { index, connect, worker: "src/worker/index.ts", cli: "src/cli/index.ts" },
    splitting: true,
  },
  {
    ...shared,
    format: "cjs",
    entry: { index, connect, ...chunks },
    splitting: false,
    esbuildPlugins: [
      {
        name: "chunks",
        setup: (build) => {
          build.onResolve({ filter: /^\..*\.js$/ }, ({ path, resolveDir }) => {
            const source = join(resolveDir, path).replace(/\.js$/, ".ts");
            const chunk = chunkOf.get(source);
            if (chunk !== undefined) return { path: chunk, external: true };
            if (source === resolve(location)) return { path: resolve(locationCjs) };
            // The path that worker-location-cjs.ts resolves is one in dist.
            return path === worker ? { path, external: true } : undefined;
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
  // One file, and CommonJS: Node loads it without a wait in libuv's pool.
  {
    ...shared,
    format: "cjs",
    entry: { "disk-thread": "src/worker/disk-thread.ts" },
    splitting: false,
  },
  // Built separately: scripts/cjs-types.js needs each default export declared where it is exported.
  { ...shared, format: "esm", entry: { index }, dts: { only: true } },
  { ...shared, format: "esm", entry: { connect }, dts: { only: true } },
]);
