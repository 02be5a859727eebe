/**
 * Owns a proxy between an engine and its server, which cuts connections when a test says so: before
 * what was sent has reached the server, or after the server has answered it.
 */
import {
  connect,
  createServer,
  type AddressInfo,
  type Server as NetServer,
  type Socket,
} from "node:net";
import { onTestFinished } from "vitest";

/** What becomes of the next command that contains a text. */
export type Cut = "before" | "after";

export class Proxy {
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #server: NetServer | null = null;
  #port = 0;
  #next: { readonly cut: Cut; readonly text: string; readonly done: () => void } | null = null;

  private constructor(target: number) {
    this.#target = target;
  }

  static async start(target: number): Promise<Proxy> {
    const proxy = new Proxy(target);
    await proxy.listen();
    onTestFinished(() => proxy.refuse());
    return proxy;
  }

  get address(): { host: string; port: number } {
    return { host: "127.0.0.1", port: this.#port };
  }

  /** Accepts connections, after it has refused them. */
  async listen(): Promise<void> {
    const server = createServer((socket) => {
      this.#forward(socket);
    });
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Cuts all connections, and refuses others. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const socket of this.#sockets) socket.destroy();
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }

  /** Cuts the connection of the next command that contains a text. @returns when that has happened */
  cutNext(cut: Cut, text: string): Promise<void> {
    return new Promise((done) => (this.#next = { cut, text, done }));
  }

  #forward(client: Socket): void {
    const server = connect(this.#target, "127.0.0.1");
    let isSilent = false;
    const end = (): void => {
      client.destroy();
      server.destroy();
      this.#sockets.delete(client);
    };
    this.#sockets.add(client);
    for (const socket of [client, server]) {
      socket.on("error", end);
      socket.on("close", end);
    }
    client.on("data", (bytes) => {
      const next = this.#next;
      if (next === null || !bytes.includes(next.text)) {
        server.write(bytes);
        return;
      }
      this.#next = null;
      if (next.cut === "before") end();
      else {
        isSilent = true;
        server.write(bytes);
        server.once("data", end);
      }
      server.once("close", () => {
        next.done();
      });
    });
    server.on("data", (bytes) => {
      if (!isSilent) client.write(bytes);
    });
  }
}
