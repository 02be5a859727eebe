/** Tables on a terminal of a given width, and progress, which is for terminals only. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Progress, Table } from "../../src/cli/output.js";

interface Row {
  readonly id: string;
  readonly user: string;
}

let out = "";
let words = "";

beforeEach(() => {
  out = "";
  words = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    out += String(text);
    return true;
  });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    words += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function terminal(isTTY: boolean, columns: number): void {
  vi.stubGlobal("process", {
    ...process,
    stdout: Object.assign(Object.create(process.stdout) as object, { isTTY, columns }),
    stderr: Object.assign(Object.create(process.stderr) as object, { isTTY }),
  });
}

async function show(rows: readonly Row[]): Promise<string[]> {
  const table = new Table<Row>([
    { title: "ID", cell: ({ id }) => id },
    { title: "USER", cell: ({ user }) => user },
  ]);
  for (const row of rows) await table.add(row);
  await table.end();
  return out.split("\n").slice(0, -1);
}

it("fit a terminal, the widest column cut", async () => {
  terminal(true, 20);
  const lines = await show([{ id: "x".repeat(40), user: "ann" }]);
  expect(lines).toEqual(["ID              USER", `${"x".repeat(13)}…  ann`]);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(20);
});

it("fit it too where a later row is wider than those that were measured", async () => {
  terminal(true, 20);
  const rows = Array.from({ length: 100 }, (): Row => ({ id: "a", user: "ann" }));
  const lines = await show([...rows, { id: "a", user: "x".repeat(40) }]);
  expect(lines.at(-1)).toBe("a   xxx…");
});

it("are whole where there is no terminal", async () => {
  terminal(false, 20);
  expect(await show([{ id: "x".repeat(40), user: "ann" }])).toContain(`${"x".repeat(40)}  ann`);
});

it.each([true, false])("progress is shown on a terminal only: %s", (isTTY) => {
  terminal(isTTY, 80);
  const progress = new Progress("exported");
  for (let count = 0; count < 2500; count++) progress.add(1);
  progress.end();
  expect(words).toBe(isTTY ? "\rexported 1000\rexported 2000\r\u001b[K" : "");
});
