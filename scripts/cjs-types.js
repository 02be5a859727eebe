/**
 * Derives dist/*.d.cts from dist/*.d.ts, after tsup has written those.
 *
 * `require()` of a CommonJS entry is its default export, with all exports as properties (see
 * tsup.config.ts). In types that is `export =` and a namespace merged with the default export,
 * which no bundler of declarations writes.
 */
import { readFileSync, writeFileSync } from "node:fs";

for (const entry of ["index", "connect"]) {
  const source = new URL(`../dist/${entry}.d.ts`, import.meta.url);
  writeFileSync(new URL(`${entry}.d.cts`, source), commonJs(readFileSync(source, "utf8")));
}

/** @param {string} declarations of an ES module with a default export and one export statement */
function commonJs(declarations) {
  const statements = [...declarations.matchAll(/^export .*$/gm)].map(String);
  const [statement = "", names] = /^export (\{.*\});$/.exec(statements.join("\n")) ?? [];
  const [, main] = / (\w+) as default\b/.exec(names ?? "") ?? [];
  if (main === undefined) {
    throw new Error(
      `expected one export statement with a default, found:\n${statements.join("\n")}`,
    );
  }
  return declarations
    .replace(statement, `declare namespace ${main} {\n  export ${names};\n}\n\nexport = ${main};`)
    .replaceAll(/(from '\.\/\w+)\.js';/g, "$1.cjs';");
}
