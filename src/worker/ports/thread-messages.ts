/** What the engine's thread and the disk thread send each other. */
import type { WireError } from "../../protocol/wire-error.js";
import type { Files, OpenFile } from "./files.js";

export type FilesMethod = Exclude<keyof Files, "isInOrder">;

/** Calls one method; each request gets one answer, in the order of the requests. */
export type DiskRequest =
  | { readonly method: FilesMethod; readonly args: readonly unknown[] }
  | {
      /** Stands for an open file: the number that `open` was answered with, and never again. */
      readonly handle: number;
      readonly method: keyof OpenFile;
      /** Of `read`: how many bytes are wanted, and the position; the answer is the bytes. */
      readonly args: readonly unknown[];
    };

/** There are no more requests: the thread ends when it has done what it was asked. */
export const NO_MORE = null;

export type DiskAnswer = { readonly value: unknown } | { readonly error: WireError };
