/**
 * The worker's file: beside this one in dist. Written so that programs that trace or copy modules,
 * such as @vercel/nft, see that it is needed; the CommonJS build has `worker-location-cjs.ts`.
 */
import { fileURLToPath } from "node:url";

export function locateWorker(): string {
  // As text: under jsdom the global class URL is not the one of node:url.
  return fileURLToPath(new URL("./worker.js", import.meta.url).href);
}
