/** Asks sentinels who the master is. */
import type { RedisAddress, RedisConfig } from "../../protocol/config.js";
import type { MakeClient } from "./driver.js";
import { ask } from "./line.js";
import { messageOf } from "./replies.js";

/**
 * The address of the master, as the first sentinel tells it that answers.
 * @throws Error if none does
 */
export async function askSentinels(
  redis: RedisConfig,
  makeClient: MakeClient,
): Promise<RedisAddress> {
  const { addresses, masterName = "", sentinelUsername, sentinelPassword } = redis;
  // They have users and passwords of their own, and no databases.
  const own = { ...redis, username: sentinelUsername, password: sentinelPassword, database: 0 };
  const command = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName];
  const asked = addresses.map(async (address) => {
    const reply = await ask(own, makeClient, address, command);
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
