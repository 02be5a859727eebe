/**
 * Owns the other end of HTTP in tests: a server on a free port for the length of a test, and a
 * client that keeps cookies as a browser does.
 */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** Serves until the test has finished; answers the address. */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Cookies by name, as a browser keeps them: replaced when set again, dropped when expired. */
export class CookieJar {
  readonly #cookies: Map<string, string>;

  constructor(cookies: Iterable<readonly [string, string]> = []) {
    this.#cookies = new Map(cookies);
  }

  /** The value of the `Cookie` header. */
  get header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** A jar of its own with the same cookies. */
  copy(): CookieJar {
    return new CookieJar(this.#cookies);
  }

  /** Takes the values of `Set-Cookie` headers, those that have expired by `now` as deletions. */
  take(headers: readonly string[], now = Date.now()): void {
    for (const header of headers) {
      const [pair = "", ...attributes] = header.split(";").map((part) => part.trim());
      const name = pair.slice(0, pair.indexOf("="));
      const expires = attributes.find((attribute) => /^expires=/i.test(attribute));
      const expired = expires !== undefined && Date.parse(expires.slice(8)) <= now;
      if (expired) this.#cookies.delete(name);
      else this.#cookies.set(name, pair.slice(name.length + 1));
    }
  }
}

/** What a client was answered: the body as the JSON it must be. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly setCookie: readonly string[];
  readonly location: string | null;
}

/** Requests to one address with the cookies of one jar. */
export class Client {
  readonly address: string;
  readonly jar: CookieJar;

  constructor(address: string, jar = new CookieJar()) {
    this.address = address;
    this.jar = jar;
  }

  /** A client with the same cookies and a jar of its own. */
  copy(): Client {
    return new Client(this.address, this.jar.copy());
  }

  async request(method: string, path: string): Promise<Answer> {
    const response = await fetch(this.address + path, {
      method,
      redirect: "manual",
      headers: { cookie: this.jar.header },
    });
    const setCookie = response.headers.getSetCookie();
    this.jar.take(setCookie);
    const text = await response.text();
    const location = response.headers.get("location");
    return {
      status: response.status,
      body: location === null ? JSON.parse(text) : text,
      setCookie,
      location,
    };
  }

  get(path: string): Promise<Answer> {
    return this.request("GET", path);
  }

  post(path: string): Promise<Answer> {
    return this.request("POST", path);
  }
}
