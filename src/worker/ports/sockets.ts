/**
 * Sockets by which processes of one machine reach each other. They are files in the directory of the
 * collection, for this user alone; on Windows they are named pipes.
 */
import { chmodSync, closeSync, constants, lstatSync, openSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";

import { errno } from "./failure.js";

/** A listening socket. */
export interface Listening {
  /** Accepts no more. Deletes the file of the socket; connections stay. */
  close(): void;
}

export interface Sockets {
  /** Listens on a name that is new. Rejects where the directory takes no sockets. */
  listen(
    directory: string,
    name: string,
    onConnection: (socket: Socket) => void,
  ): Promise<Listening>;
  /** Rejects with `ECONNREFUSED` if nobody listens, with `ENOENT` if there is no such socket. */
  connect(directory: string, name: string): Promise<Socket>;
  /** Whether a file is this user's own, for nobody else, and not a link. */
  isPrivate(path: string): boolean;
}

/** The shortest limit of any system: macOS has 104 bytes with the NUL, Linux 108. */
const MAX_PATH_BYTES = 103;

const IS_WINDOWS = process.platform === "win32";

export const nodeSockets: Sockets = {
  async listen(directory, name, onConnection) {
    const address = addressOf(directory, name);
    const server = createServer({ allowHalfOpen: true }, onConnection);
    try {
      await listening(server, address.path);
      // Before, the umask decides, and the directory.
      if (!IS_WINDOWS) chmodSync(address.path, 0o600);
    } catch (error) {
      server.close();
      address.release();
      throw error;
    }
    // A failed accept, for want of descriptors, is the guest's trouble: it tries again.
    server.on("error", () => undefined);
    server.unref();
    let isOpen = true;
    return {
      close: () => {
        // Once: the number of the directory may soon be that of another file.
        if (!isOpen) return;
        isOpen = false;
        server.close();
        address.release();
      },
    };
  },

  async connect(directory, name) {
    if (!IS_WINDOWS && !this.isPrivate(join(directory, name))) {
      throw errno("EACCES", "connect", `${name} is not a socket of this user's own`);
    }
    const address = addressOf(directory, name);
    try {
      return await connected(address.path);
    } finally {
      address.release();
    }
  },

  isPrivate(path) {
    if (IS_WINDOWS) return true;
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) throw errno("ENOENT", "lstat", `${path} does not exist`);
    const isOurs = found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
    return isOurs && (found.isSocket() || found.isFile());
  },
};

interface Address {
  readonly path: string;
  /** For when the path is no longer used. */
  release(): void;
}

/** Node 20 and 22 cut a path that is too long, and listen where nobody looks. */
function addressOf(directory: string, name: string): Address {
  if (IS_WINDOWS) {
    return { path: `\\\\?\\pipe\\express-session-isolate-${name}`, release: () => undefined };
  }
  const path = join(directory, name);
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return { path, release: () => undefined };
  if (process.platform !== "linux") {
    throw errno("ENAMETOOLONG", "listen", `${path} is too long for a socket`);
  }
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  return {
    path: `/proc/self/fd/${fd}/${name}`,
    release: () => {
      closeSync(fd);
    },
  };
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    // Exclusive: in a worker of node:cluster the primary would listen otherwise.
    server.listen({ path, exclusive: true });
    // It listens at once. That it says so in an event would need timers that a test may have faked.
    if (!server.listening) return;
    server.off("error", reject);
    resolve();
  });
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path, allowHalfOpen: true }, () => {
      socket.off("error", reject);
      resolve(socket);
    });
    socket.once("error", reject);
  });
}
