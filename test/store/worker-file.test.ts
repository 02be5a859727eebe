/** Owns what an error says of a worker whose file cannot be found, in a package manager's own way. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { workerError } from "../../src/main/hosts/worker-life.js";
import { workerFile } from "../../src/main/hosts/worker-file.js";

const located = vi.hoisted((): { worker: unknown } => ({ worker: "" }));

vi.mock("../../src/main/hosts/worker-location.js", () => ({
  locateWorker: () => {
    if (located.worker instanceof Error) throw located.worker;
    return located.worker;
  },
}));

const { versions } = process;
const NOT_FOUND = Object.assign(new Error("Cannot find module"), { code: "MODULE_NOT_FOUND" });

afterEach(() => {
  Object.defineProperty(process, "versions", { value: versions });
});

describe("a worker's file", () => {
  it("is where it was found", () => {
    located.worker = import.meta.filename;
    expect(workerFile()).toBe(import.meta.filename);
  });

  it.each<[string, unknown]>([
    ["cannot be found", NOT_FOUND],
    ["has the number of a bundler's module", 17],
    ["has the name of a bundler's module", "./node_modules/express-session-isolate/dist/worker.js"],
  ])("that %s: the error speaks of bundling", (_, worker) => {
    located.worker = worker;
    expect(workerFile).toThrow(/bundled.*external/);
  });

  it("that is gone when the thread starts: the error speaks of bundling", () => {
    expect(workerError("exited", NOT_FOUND).message).toMatch(/bundled.*external/);
  });

  it("under Yarn Plug'n'Play: the error speaks of that, and not of bundling", () => {
    Object.defineProperty(process, "versions", { value: { ...versions, pnp: "3" } });
    located.worker = NOT_FOUND;
    for (const { message } of [workerError("exited", NOT_FOUND), thrownBy(workerFile)]) {
      expect(message).toMatch(/\.pnp\.cjs/);
      expect(message).not.toMatch(/bundled/);
    }
  });
});

function thrownBy(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}
