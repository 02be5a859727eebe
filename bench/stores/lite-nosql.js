/** lite-nosql, from a checkout, on the calling thread behind the least that a store needs. */
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { callbackify } from "node:util";
import session from "express-session";

const checkout = process.env["LITE_NOSQL"];

/** @type {import("./index.js").Contender} */
export const liteNoSQL = {
  label: "lite-nosql",
  guarantee: "disk",
  missing: () => (checkout ? undefined : "LITE_NOSQL names no checkout of it"),
  async open(directory) {
    const path = resolve(process.env["INIT_CWD"] ?? "", checkout ?? "");
    const { abrirBanco } = createRequire(import.meta.url)(path);
    const database = await abrirBanco({ pasta: directory, modoDuravel: true });
    const collection = database.colecao("sessions");
    const expiresAt = (/** @type {any} */ body) => Number(body.cookie.expires);
    const json = (/** @type {any} */ value) => JSON.parse(JSON.stringify(value));
    /** @type {Record<string, (_id: string, body: any) => Promise<unknown>>} */
    const methods = {
      async get(_id) {
        const found = await collection.buscarUm({ _id });
        return found?.expiresAt > Date.now() ? found.sess : null;
      },
      set: async (_id, body) =>
        collection.inserir({ _id, sess: json(body), expiresAt: expiresAt(body) }),
      async touch(_id, body) {
        const $set = { "sess.cookie": json(body.cookie), expiresAt: expiresAt(body) };
        return collection.actualizarUm({ _id }, { $set });
      },
      destroy: async (_id) => collection.removerUm({ _id }),
    };
    const entries = Object.entries(methods).map(([name, call]) => [name, callbackify(call)]);
    const store = Object.assign(new session.MemoryStore(), Object.fromEntries(entries));
    return { store, close: () => database.fechar() };
  },
};
