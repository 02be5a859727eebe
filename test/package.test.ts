/** The packed package in a scratch project that has nothing but what the package declares. */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SETUP_MS = 120_000;

const run = promisify(execFile);

interface Tarball {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

let scratch: string;
let installed: string;
let tarball: Tarball;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "consumers-"));
  await cp(join(ROOT, "test", "consumers"), scratch, { recursive: true });
  installed = join(scratch, "node_modules", "express-session-isolate");
  await mkdir(installed, { recursive: true });

  tarball = await pack(scratch);
  await run("tar", ["-xzf", tarball.filename, "--strip-components=1", "-C", installed], {
    cwd: scratch,
  });

  const manifest = JSON.parse(await read("package.json")) as Manifest;
  const declared = { ...manifest.dependencies, ...manifest.peerDependencies };
  for (const name of [...Object.keys(declared), "@types/node"]) await link(name);
}, SETUP_MS);

afterAll(() => rm(scratch, { recursive: true }));

async function pack(destination: string): Promise<Tarball> {
  // What is in dist is what is tested: no script may build it anew while other tests use it.
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
  return run(process.execPath, [file, join(scratch, "dados")], { cwd: scratch });
}

describe("the tarball", () => {
  const ENTRIES = ["index.js", "connect.js", "worker.js", "index.cjs", "connect.cjs"];
  const TYPES = ["index.d.ts", "connect.d.ts", "index.d.cts", "connect.d.cts"];

  it("has what a user needs and no more", async () => {
    const modules = await reachableFrom(ENTRIES);
    const dist = [...modules, ...modules.map((file) => `${file}.map`), ...TYPES];
    const expected = [
      ...["CHANGELOG.md", "LICENSE", "README.md", "package.json"],
      ...dist.map((file) => `dist/${file}`),
    ];
    expect(tarball.files.map(({ path }) => path).sort()).toEqual(expected.sort());
  });

  /** The modules in dist that these load, and they themselves. */
  async function reachableFrom(entries: readonly string[]): Promise<string[]> {
    const found = new Set(entries);
    for (const file of found) {
      const imports = (await read(`dist/${file}`)).matchAll(/(?:from|import|\()\s*"\.\/([^"]+)"/g);
      for (const [, imported] of imports) found.add(imported!);
    }
    return [...found];
  }

  it.each(TYPES)("%s is about nothing but express-session and Node", async (file) => {
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
  it("runs in ESM", () => consume("esm-js.mjs"));

  it("runs in CommonJS", () => consume("cjs-js.cjs"));

  it(
    "is checked by TypeScript, strictly and with the declarations of libraries, and runs",
    async () => {
      const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
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
