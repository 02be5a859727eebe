/** Names that no other process chooses; a test gives its own. */
import { randomBytes } from "node:crypto";

/** 16 hex digits, new at each call. */
export type Nonce = () => string;

export const randomNonce: Nonce = () => randomBytes(8).toString("hex");
