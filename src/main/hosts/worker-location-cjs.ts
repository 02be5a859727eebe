/** What `worker-location.ts` is in the CommonJS build: see tsup.config.ts. */
export function locateWorker(): string {
  return require.resolve("./worker.js");
}
