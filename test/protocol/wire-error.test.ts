/** Owns errors on the wire: name, message, code, stack and the chain of causes survive. */
import { renameSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { STORE_ERROR_CODES, StoreError } from "../../src/protocol/errors.js";
import { decodeError, encodeError } from "../../src/protocol/wire-error.js";

/** There and back, as a port would take it. */
function carried(thrown: unknown): Error {
  return decodeError(structuredClone(encodeError(thrown)));
}

function thrownBy(call: () => void): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

describe("an error", () => {
  it.each(STORE_ERROR_CODES)("of the store with the code %s is one at the other end", (code) => {
    const error = new StoreError(code, "what happened");
    const back = carried(error);
    expect(back).toBeInstanceOf(StoreError);
    expect(back).toMatchObject({ code, message: "what happened", name: "StoreError" });
    expect(back.stack).toBe(error.stack);
    expect("cause" in back).toBe(false);
  });

  it("keeps its causes, each with its code", () => {
    const errno = Object.assign(new Error("no space"), { code: "ENOSPC" });
    const middle = new RangeError("too long", { cause: errno });
    const back = carried(new StoreError("STORE_IO", "cannot write", { cause: middle }));
    expect(back).toMatchObject({
      code: "STORE_IO",
      cause: { name: "RangeError", cause: { code: "ENOSPC", message: "no space" } },
    });
    expect(back.cause).toBeInstanceOf(RangeError);
    expect((back.cause as Error).cause).not.toBeInstanceOf(StoreError);
  });

  it("of a system call keeps which call it was, and of what", () => {
    const error = thrownBy(() => {
      renameSync("/none/x", "/none/y");
    });
    const details = { code: "ENOENT", syscall: "rename", path: "/none/x", dest: "/none/y" };
    expect(error).toMatchObject(details);
    expect(carried(new StoreError("STORE_IO", "x", { cause: error })).cause).toMatchObject(details);
  });

  it.each([
    ["TypeError", new TypeError("x"), TypeError],
    ["RangeError", new RangeError("x"), RangeError],
    ["SyntaxError", new SyntaxError("x"), Error],
  ])("of the language is of its kind, or has its name: %s", (name, error, type) => {
    const back = carried(error);
    expect(back).toBeInstanceOf(type);
    expect(back.name).toBe(name);
  });

  it("of another realm is one as well", () => {
    const error = runInNewContext(
      'Object.assign(new TypeError("x", { cause: new Error("y") }), { code: "EPERM" })',
    ) as unknown;
    expect(error).not.toBeInstanceOf(Error);
    const back = carried(error);
    expect(back).toBeInstanceOf(TypeError);
    expect(back).toMatchObject({ message: "x", code: "EPERM", cause: { message: "y" } });
  });

  it("with a code that is none of ours keeps it and is none of ours", () => {
    for (const code of ["ENOENT", "STORE_OTHER", "toString", ""]) {
      const back = carried(Object.assign(new Error("x"), { code }));
      expect(back).not.toBeInstanceOf(StoreError);
      expect(back).toMatchObject({ code });
    }
  });

  it("with a code that is no string loses it", () => {
    const back = carried(Object.assign(new Error("x"), { code: 7 }));
    expect("code" in back).toBe(false);
  });

  it("that is its own cause ends somewhere", () => {
    const first = new Error("first");
    const second = new Error("second", { cause: first });
    first.cause = second;
    let depth = 0;
    for (let error: unknown = carried(first); error instanceof Error; error = error.cause) depth++;
    expect(depth).toBeGreaterThan(1);
    expect(depth).toBeLessThan(20);
  });

  it.each([
    ["a string", "text", "text"],
    ["undefined", undefined, "undefined"],
    ["null", null, "null"],
    ["a symbol", Symbol("s"), "Symbol(s)"],
    ["an object", { a: 1 }, "[object Object]"],
  ])("that is none becomes one: %s", (_, thrown, message) => {
    expect(carried(thrown)).toMatchObject({ name: "Error", message });
  });

  it.each([
    ["an object without a prototype", Object.create(null) as object],
    [
      "an object that cannot be text",
      {
        toString: (): never => {
          throw new Error("no");
        },
      },
    ],
  ])("that is none and cannot be told becomes one all the same: %s", (_, thrown) => {
    expect(carried(thrown)).toBeInstanceOf(Error);
    expect(carried(new Error("x", { cause: thrown })).cause).toBeInstanceOf(Error);
  });
});
