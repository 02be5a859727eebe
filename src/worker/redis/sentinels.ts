/** Asks sentinels who the master is. */
import type { RedisAddress, RedisConfig } from "../../protocol/config.js";
import type { Ask } from "./asking.js";
import { messageOf } from "./replies.js";

/** How the sentinels are reached, which have users and passwords of their own, and no databases. */
export function ofSentinels(redis: RedisConfig): RedisConfig {
  const { sentinelUsername: username, sentinelPassword: password } = redis;
  return { ...redis, username, password, database: 0 };
}

/**
 * The address of the master, as the first sentinel tells it that answers.
 * @throws Error if none does
 */
export async function askSentinels(
  { addresses, masterName = "" }: RedisConfig,
  ask: Ask,
): Promise<RedisAddress> {
  const asked = addresses.map(async (address) => {
    const reply = await ask(address, ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName]);
    const [host, port] = Array.isArray(reply) ? reply.map(String) : [];
    if (host === undefined) throw new Error("the sentinels know no master of the given name");
    return { host, port: Number(port) };
  });
  try {
    return await Promise.any(asked);
  } catch (error) {
    const reasons = (error as AggregateError).errors.map(messageOf);
    const told = [...new Set(reasons)].join("; ");
    throw new Error(`no sentinel tells of the master: ${told}`, { cause: error });
  }
}
