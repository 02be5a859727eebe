/** The packed package, in a scratch project with only the dependencies that the package declares. */
import { execFile } from "node:child_process";
import { copyFile, cp, lstat, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { readdir, readFile, readlink, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { nodeFileTrace } from "@vercel/nft";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SETUP_MS = 120_000;

const run = promisify(execFile);

const require = createRequire(import.meta.url);
/** The bundler that tsup brings. */
const esbuild = createRequire(require.resolve("tsup"))("esbuild") as typeof import("esbuild");

interface Tarball {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>;
}

let base: string;
let scratch: string;
let installed: string;
let tarball: Tarball;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "consumers-"));
  // These characters have a meaning in a URL.
  scratch = join(base, "we#ird %41");
  await cp(join(ROOT, "test", "package", "consumers"), scratch, { recursive: true });
  installed = join(scratch, "node_modules", "express-session-isolate");
  await mkdir(installed, { recursive: true });

  tarball = await pack(scratch);
  await run("tar", ["-xzf", tarball.filename, "--strip-components=1", "-C", installed], {
    cwd: scratch,
  });

  const manifest = JSON.parse(await read("package.json")) as Manifest;
  const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
  // The client of Redis is for those who use it.
  const isOptional = (name: string): boolean =>
    manifest.peerDependenciesMeta[name]?.optional === true && !name.startsWith("@types/");
  const needed = declared.filter((name) => !isOptional(name));
  for (const name of [...needed, "@types/node"]) await link(name);
}, SETUP_MS);

afterAll(() => rm(base, { recursive: true }));

async function pack(destination: string): Promise<Tarball> {
  // The tests use the existing build: no script may rebuild dist while other tests use it.
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", destination];
  const { stdout } = await run("npm", args, { cwd: ROOT, shell: process.platform === "win32" });
  const [packed] = JSON.parse(stdout) as Tarball[];
  return packed!;
}

/** Puts a package of this project into the scratch project, as installing it would. */
async function link(name: string): Promise<void> {
  const target = join(scratch, "node_modules", name);
  await mkdir(dirname(target), { recursive: true });
  await symlink(join(ROOT, "node_modules", name), target, "junction");
}

function read(path: string): Promise<string> {
  return readFile(join(installed, path), "utf8");
}

function consume(file: string): Promise<{ stdout: string; stderr: string }> {
  return run(process.execPath, [file, join(scratch, "data")], { cwd: scratch });
}

describe("the tarball", () => {
  const ENTRIES = ["index.js", "connect.js", "worker.js", "cli.js", "index.cjs", "connect.cjs"];
  const TYPES = ["index.d.ts", "connect.d.ts", "index.d.cts", "connect.d.cts"];

  it("has what a user needs and no more", async () => {
    const modules = await reachableFrom(ENTRIES);
    const dist = [...modules, ...TYPES];
    const pages = [
      "architecture.md",
      "command-line.md",
      "durability.md",
      "environments.md",
      "format.md",
      "migrating.md",
      "performance.md",
      "redis.md",
      "sharing.md",
    ];
    // `npm run check:figures` knows which pictures there must be.
    const pictures = await readdir(join(ROOT, "docs/img"));
    const docs = [...pages, ...pictures.map((name) => `img/${name}`)].map((file) => `docs/${file}`);
    const expected = [
      ...["CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md", "package.json", ...docs],
      ...dist.map((file) => `dist/${file}`),
    ];
    expect(tarball.files.map(({ path }) => path).sort()).toEqual(expected.sort());
  });

  it("has no source map and no source", () => {
    const paths = tarball.files.map(({ path }) => path);
    expect(paths.filter((path) => /\.map$|^src\//.test(path))).toEqual([]);
  });

  it.each([".js", ".cjs"])("has the engine once in its %s files", async (extension) => {
    const files = tarball.files
      .map(({ path }) => path)
      // A program of its own, to which the worker gives nothing but messages.
      .filter((path) => path.endsWith(extension) && path !== "dist/disk-thread.cjs");
    const modules = (await Promise.all(files.map(engineModulesIn))).flat();
    expect(modules).toContain("src/worker/disk/engine.ts");
    expect(modules).toEqual([...new Set(modules)]);
  });

  /**
   * The engine modules in a built file, by the comments that the bundler writes above them. Of the
   * small ports each engine of CommonJS has its own.
   */
  async function engineModulesIn(file: string): Promise<string[]> {
    const names = (await read(file)).matchAll(/^\/\/ (src\/worker\/(?!ports\/)\S+\.ts)$/gm);
    return [...new Set(Array.from(names, ([, name]) => name!))];
  }

  it("has the files its documents link to, except CONTRIBUTING.md", async () => {
    const paths = tarball.files.map(({ path }) => path);
    for (const document of paths.filter((path) => path.endsWith(".md"))) {
      for (const [, link] of (await read(document)).matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
        const target = join(dirname(document), link!);
        if (target !== "CONTRIBUTING.md") expect(paths).toContain(target);
      }
    }
  });

  /** These modules of dist and all that they load. */
  async function reachableFrom(entries: readonly string[]): Promise<string[]> {
    const found = new Set(entries);
    for (const file of found) {
      const imports = (await read(`dist/${file}`)).matchAll(/(?:from|import|\()\s*"\.\/([^"]+)"/g);
      for (const [, imported] of imports) found.add(imported!);
    }
    return [...found];
  }

  it.each(TYPES)("%s refers to nothing but express-session and Node", async (file) => {
    const source = ts.createSourceFile(file, await read(`dist/${file}`), ts.ScriptTarget.Latest);
    const code = ts.createPrinter({ removeComments: true }).printFile(source);
    expect(code).not.toMatch(/comlink/i);
    const modules = [...code.matchAll(/(?:from|import|import\()\s*['"]([^'"]+)['"]/g)];
    for (const [, module] of modules) {
      expect(module).toMatch(/^(express-session|node:\w+)$/);
    }
  });
});

describe("a consumer", () => {
  const REQUIRE = 'const S = require("express-session-isolate")';

  it("runs in ESM", () => consume("esm-js.mjs"));

  it("runs in CommonJS", () => consume("cjs-js.cjs"));

  it("runs in a realm of its own", () => consume("realm.cjs"));

  it.each(["isolate: true", "isolate: false"])(
    "that wants Redis is told which package it needs: %s",
    async (option) => {
      for (const load of ['import S from "express-session-isolate"', REQUIRE]) {
        const name = `redis.${load === REQUIRE ? "cjs" : "mjs"}`;
        const options = `{ redis: "redis://127.0.0.1:1", ${option} }`;
        const told = "error => console.log(error.code, error.message)";
        await writeFile(
          join(scratch, name),
          `${load};\nconst store = new S(${options});\nstore.ready.catch(${told});`,
        );
        const { stdout } = await consume(name);
        expect(stdout).toMatch(/^DRIVER_MISSING .*npm install @redis\/client\n$/);
      }
    },
  );

  /** What the tracer has read: both programs load the same packages. */
  const traced = {};

  it.skipIf(process.platform === "win32").each(["esm-js.mjs", "cjs-js.cjs"])(
    "runs where only what a tracer has found is deployed: %s",
    async (program) => {
      const deployed = join(base, `deployed ${program}`);
      const options = { base: "/", cache: traced };
      const { fileList } = await nodeFileTrace([join(scratch, program)], options);
      const worker = join(installed, "dist", "worker.js");
      expect([...fileList].map((file) => join("/", file))).toContain(worker);
      for (const file of fileList) await deploy(join("/", file), deployed);
      const cwd = join(deployed, scratch);
      await run(process.execPath, [program, join(base, `data of ${program}`)], { cwd });
    },
    SETUP_MS,
  );

  /** Copies a file or a symbolic link to the same path under another root. */
  async function deploy(path: string, root: string): Promise<void> {
    const target = join(root, path);
    await mkdir(dirname(target), { recursive: true });
    const isLink = (await lstat(path)).isSymbolicLink();
    if (isLink) await symlink(join(root, await readlink(path)), target);
    else await copyFile(path, target);
  }

  it.each(["esm", "cjs"] as const)("bundled to %s gets an error that says so", async (format) => {
    const bundle = await bundled(format, "");
    await expect(consume(bundle)).rejects.toMatchObject({
      stderr: expect.stringMatching(/bundled.*external/) as unknown,
    });
  });

  it.each(["esm", "cjs"] as const)("may be bundled to %s with isolate: false", async (format) => {
    const bundle = await bundled(format, "isolate: false");
    await consume(bundle);
  });

  /** A program that opens a store, in one file. */
  async function bundled(format: "esm" | "cjs", options: string): Promise<string> {
    const name = `bundle-${options.length}.${format === "esm" ? "mjs" : "cjs"}`;
    const contents = `
      import LiteNoSQLStore from "express-session-isolate";
      const directory = process.argv[2];
      const store = new LiteNoSQLStore({ directory, collection: "${format}", ${options} });
      store.ready.then(() => store.close());`;
    await esbuild.build({
      stdin: { contents, resolveDir: scratch },
      outfile: join(scratch, name),
      ...{ bundle: true, platform: "node", format, external: ["express-session"] },
      logLevel: "error",
    });
    return name;
  }

  it(
    "is checked by TypeScript, strictly and with the declarations of libraries, and runs",
    async () => {
      const tsc = require.resolve("typescript/bin/tsc");
      const checked = await run(process.execPath, [tsc, "-p", scratch]).catch(
        (error: unknown) => error,
      );
      expect(checked).toMatchObject({ stdout: "" });
      await consume("esm-ts.mjs");
      await consume("cjs-ts.cjs");
    },
    SETUP_MS,
  );
});
