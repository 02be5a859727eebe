/**
 * The contract over a MessagePort: each call of an engine is one comlink call. Outcomes travel as
 * values, since comlink drops the code and the cause of a thrown error. A long list is fetched in
 * pages, since reading a message blocks the thread. The only importer of comlink, whose table of
 * transfer handlers is shared by the whole application and left unchanged.
 */
import type { MessagePort } from "node:worker_threads";
import { type Endpoint, expose, wrap } from "comlink";

import { ENGINE_METHODS } from "./contract.js";
import type { Dispatch } from "./dispatch.js";
import { type Answer, Pager } from "./pager.js";
import { decodeError, encodeError, type WireError } from "./wire-error.js";

type Outcome = Answer | { readonly error: WireError };
type RemoteMethod = (...args: unknown[]) => Promise<Outcome>;

/** Fetches the next page of an answer. Not a method of the contract. */
const NEXT_PAGE = "nextPage";

/** Exposes the methods of an engine, and nothing else of it, on a port. Dual of {@link connect}. */
export function serve(dispatch: Dispatch, port: MessagePort): void {
  const pager = new Pager();
  const exposed = Object.create(null) as Record<string, RemoteMethod>;
  for (const name of ENGINE_METHODS) {
    exposed[name] = async (...args) => {
      try {
        const value = await dispatch(name, args);
        // The thread ends when its closing has been answered.
        if (name === "close") await pager.drained();
        return pager.answer(value);
      } catch (error) {
        return { error: encodeError(error) };
      }
    };
  }
  exposed[NEXT_PAGE] = async (number) => pager.next(number as number);
  expose(Object.freeze(exposed), port);
}

/** The engine at the other end of a port. Its calls never settle once that end is gone. */
export function connect(port: MessagePort): Dispatch {
  const call = caller(port);
  return async (method, args) => {
    const outcome = await call(method, args);
    if ("error" in outcome) throw decodeError(outcome.error);
    return "page" in outcome ? allPages(outcome, call) : outcome.value;
  };
}

/** Calls a method at the other end of a port. */
type Call = (name: string, args: unknown[]) => Promise<Outcome>;

/**
 * comlink tells the calls in flight of an endpoint apart by Math.random(), which a test may replace
 * by something that repeats itself. So each call in flight has an endpoint of its own.
 */
function caller(port: MessagePort): Call {
  const newEndpoint = endpointsOver(port);
  const idle: Call[] = [];
  return async (name, args) => {
    const call = idle.pop() ?? proxyOf(newEndpoint());
    try {
      return await call(name, args);
    } finally {
      idle.push(call);
    }
  };
}

function proxyOf(endpoint: Endpoint): Call {
  const remote = wrap<Record<string, RemoteMethod>>(endpoint);
  // Each property access creates a proxy and registers a finalizer: done once per method.
  const methods: Record<string, RemoteMethod> = {};
  return (name, args) => (methods[name] ??= remote[name] as unknown as RemoteMethod)(...args);
}

/** What comlink sends and receives. */
interface Message {
  id: string;
}

/** Endpoints of comlink that share a port. On the port messages bear the number of their endpoint. */
function endpointsOver(port: MessagePort): () => Endpoint {
  const receivers: ((message: Message) => void)[] = [];
  port.on("message", (message: Message) => {
    receivers[Number(message.id) - 1]?.(message);
  });
  return () => {
    let number = "";
    let idOfCall = "";
    return {
      addEventListener(_: string, listener: (event: { data: Message }) => void) {
        const count = receivers.push((message) => {
          message.id = idOfCall;
          listener({ data: message });
        });
        number = String(count);
      },
      removeEventListener: () => undefined,
      postMessage(message: Message) {
        idOfCall = message.id;
        message.id = number;
        port.postMessage(message);
      },
    };
  };
}

async function allPages(first: Outcome, call: Call): Promise<unknown> {
  const list: unknown[] = [];
  let outcome = first;
  while ("page" in outcome) {
    for (const element of outcome.page) list.push(element);
    outcome = await call(NEXT_PAGE, [outcome.next]);
  }
  const last = "value" in outcome ? (outcome.value as unknown[]) : [];
  for (const element of last) list.push(element);
  return list;
}
