/** Random file-name parts, so that processes do not collide; tests supply their own. */
import { randomBytes } from "node:crypto";

/** Returns 16 hex digits, different at each call. */
export type Nonce = () => string;

export const randomNonce: Nonce = () => randomBytes(8).toString("hex");
