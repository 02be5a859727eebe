/** What an error of the server or of the connection means for a call. */
import { isErrorLike, StoreError } from "../../protocol/errors.js";

/** What is sent to a server: a command and its arguments. */
export type Command = readonly string[];

export type Verdict =
  /** It has not taken effect and never will. */
  | { readonly kind: "failed"; readonly error: StoreError }
  /** It has not taken effect, and may in a moment. */
  | { readonly kind: "again" }
  /** It has not taken effect: another node of the cluster is to be asked. */
  | { readonly kind: "ask"; readonly address: string }
  /** The scripts are gone. */
  | { readonly kind: "no script" }
  /** It may have taken effect. */
  | { readonly kind: "unanswered" };

/** The connection was lost, or given up, before an answer had come. */
export class LostConnection extends Error {
  override readonly name = "LostConnection";
}

/** Of a server that is starting, is changing its role, or no longer has the key: another one may do it. */
const PASSING = new Set([
  "LOADING",
  "MASTERDOWN",
  "CLUSTERDOWN",
  "TRYAGAIN",
  "READONLY",
  "BUSY",
  "MOVED",
]);
const DENIED = new Set(["NOAUTH", "WRONGPASS", "NOPERM"]);

/** Whether it is an answer of the server. The names of the classes are node-redis's. */
export function isReply(error: unknown): error is Error {
  return (
    isErrorLike(error) && /^-?[A-Z]{2,}\b/.test(error.message) && !(error instanceof LostConnection)
  );
}

/** An answer, or undefined if it is a refusal: the server does not know the command, or forbids it. */
export function unlessRefused(answer: Promise<unknown>): Promise<unknown> {
  return answer.catch((error: unknown) => {
    if (!isReply(error)) throw error;
  });
}

/** The word that an answer of the server begins with; of a script, before Redis 7, that of a command. */
function codeOf({ message }: Error): string {
  const inScript = /^ERR Error running script.*: -([A-Z]+) /.exec(message);
  return (inScript ?? /^-?([A-Z]+)/.exec(message))?.[1] ?? "";
}

/** Whether this server is, or has become, none that takes writes. */
export function isOfReplica(error: unknown): boolean {
  return isReply(error) && codeOf(error) === "READONLY";
}

export function judge(error: unknown): Verdict {
  if (error instanceof StoreError) return { kind: "failed", error };
  if (!isReply(error)) return { kind: "unanswered" };
  const code = codeOf(error);
  if (code === "NOSCRIPT") return { kind: "no script" };
  if (code === "ASK") return { kind: "ask", address: error.message.split(" ")[2] ?? "" };
  if (PASSING.has(code)) return { kind: "again" };
  return { kind: "failed", error: refusal(error) };
}

/** What a refusal of the server is to the application. */
export function refusal(cause: Error): StoreError {
  if (DENIED.has(codeOf(cause))) return denial(cause);
  return new StoreError("STORE_IO", `the Redis server has refused: ${cause.message}`, { cause });
}

/** What is denied may be a key, whose name may be the id of a session: only commands are named. */
function denial({ message }: Error): StoreError {
  const command = /run the '[^']+' command/.exec(message)?.[0];
  const what = command === undefined ? "" : `, such as to ${command}`;
  return new StoreError(
    "STORE_DENIED",
    message.startsWith("NOPERM")
      ? `the Redis server does not allow this user what is needed${what}`
      : "the Redis server does not take the user and the password, or needs some",
  );
}

export function messageOf(error: unknown): string {
  return isErrorLike(error) ? error.message || error.name : String(error);
}
