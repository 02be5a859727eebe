/** lite-nosql as a session store on the calling thread: the least that its interface needs. */
import { createRequire } from "node:module";
import session from "express-session";
import { fromCaller } from "./paths.js";
import { DAY_MS } from "./sessions.js";

const require = createRequire(import.meta.url);

/** lite-nosql itself, from the checkout that LITE_NOSQL names: it is not in the npm registry. */
const load = () => require(fromCaller(process.env.LITE_NOSQL));

/** Why it cannot run here; undefined where it can. */
export function missingLiteNoSQL() {
  if (!process.env.LITE_NOSQL) return "LITE_NOSQL names no checkout of it";
  try {
    load();
  } catch (error) {
    return `LITE_NOSQL cannot be loaded: ${error.message.split("\n", 1)[0]}`;
  }
}

const expiry = (body) => Number(body.cookie?.expires ?? Date.now() + DAY_MS);

/** Settles as `callback` expects it, outside the promise chain. */
function answer(promise, callback) {
  promise.then(
    (value) => setImmediate(callback, null, value),
    (error) => setImmediate(callback, error),
  );
}

export class LiteNoSQLInThreadStore extends session.Store {
  #database;
  #collection;

  static async open(directory) {
    const { abrirBanco } = load();
    const store = new LiteNoSQLInThreadStore();
    store.#database = await abrirBanco({ pasta: directory, modoDuravel: true });
    store.#collection = store.#database.colecao("sessions");
    return store;
  }

  async #read(sid) {
    const found = await this.#collection.buscarUm({ _id: sid });
    return found && found.expiresAt > Date.now() ? found.sess : null;
  }

  get(sid, callback) {
    answer(this.#read(sid), callback);
  }

  set(sid, body, callback) {
    // The cookie object's own JSON form is what a store keeps.
    const sess = JSON.parse(JSON.stringify(body));
    answer(this.#collection.inserir({ _id: sid, sess, expiresAt: expiry(body) }), callback);
  }

  touch(sid, body, callback) {
    const cookie = JSON.parse(JSON.stringify(body.cookie));
    const $set = { "sess.cookie": cookie, expiresAt: expiry(body) };
    answer(this.#collection.actualizarUm({ _id: sid }, { $set }), callback);
  }

  destroy(sid, callback = () => {}) {
    answer(this.#collection.removerUm({ _id: sid }), callback);
  }

  compact() {
    return this.#collection.compactar();
  }

  async close() {
    await this.#database.fechar();
  }
}
