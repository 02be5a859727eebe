/** One question to one server, on a connection that is closed when it is answered. */
import type { RedisAddress, RedisConfig } from "../../protocol/config.js";
import type { MakeClient } from "./driver.js";
import { Line } from "./line.js";
import type { Command } from "./replies.js";

export async function ask(
  redis: RedisConfig,
  makeClient: MakeClient,
  address: RedisAddress,
  command: Command,
): Promise<unknown> {
  const line: Line = new Line(redis, makeClient, address, () => {
    line.end();
  });
  try {
    await line.connect();
    return await line.send(command);
  } finally {
    line.end();
  }
}
