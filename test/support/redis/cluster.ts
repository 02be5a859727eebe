/** Owns clusters and sentinels in tests, of real servers. */
import { spawnSync } from "node:child_process";
import { until } from "../until.js";
import { freePort, Server } from "./server.js";

/** Servers that are started and stopped together. */
export class Group {
  readonly servers: Server[] = [];

  async start(options: Parameters<typeof Server.start>[0]): Promise<Server> {
    const server = await Server.start(options);
    this.servers.push(server);
    return server;
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
  }
}

/** Three masters with a replica each. */
export async function startCluster(group: Group): Promise<Server[]> {
  const nodes: Server[] = [];
  for (let count = 0; count < 6; count++) {
    // The port of the bus is 10,000 above.
    const port = await freePortBelow(55_000);
    const config = ["cluster-enabled yes", "cluster-node-timeout 1000", "appendonly no"];
    nodes.push(await group.start({ port, config }));
  }
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  const create = ["--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes"];
  const { stdout, stderr } = spawnSync("redis-cli", create, { encoding: "utf8" });
  const isOk = (node: Server): boolean =>
    node.cli("CLUSTER", "INFO").includes("cluster_state:ok") &&
    node.cli("CLUSTER", "NODES").split("slave").length === 4;
  await until(() => nodes.every(isOk)).catch((error: unknown) => {
    throw new Error(`no cluster: ${stdout}${stderr}`, { cause: error });
  });
  const replicas = nodes.filter((node) => node.cli("ROLE").startsWith("slave"));
  await until(() => replicas.every((node) => node.cli("ROLE").includes("connected")));
  return nodes;
}

async function freePortBelow(limit: number): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (port < limit) return port;
  }
}

/** The servers that are masters. */
export function mastersOf(nodes: readonly Server[]): Server[] {
  return nodes.filter((node) => node.cli("ROLE").startsWith("master"));
}

export const MASTER_NAME = "sessions";

export interface Watched {
  readonly servers: readonly Server[];
  readonly sentinels: readonly Server[];
}

/** A master with two replicas, and three sentinels. */
export async function startSentinels(group: Group): Promise<Watched> {
  const master = await group.start({});
  const replicaof = `replicaof 127.0.0.1 ${master.port}`;
  const servers = [master];
  for (let count = 0; count < 2; count++) servers.push(await group.start({ config: [replicaof] }));
  const config = [
    `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${master.port} 2`,
    `sentinel down-after-milliseconds ${MASTER_NAME} 500`,
    `sentinel failover-timeout ${MASTER_NAME} 3000`,
  ];
  const sentinels: Server[] = [];
  for (let count = 0; count < 3; count++) {
    sentinels.push(await group.start({ sentinel: true, config }));
  }
  // Each answer has a line "name" for each of what it lists.
  const knows = (sentinel: Server, about: string): boolean =>
    sentinel.cli("SENTINEL", about, MASTER_NAME).split(/^name$/m).length === 3;
  await until(() => sentinels.every((one) => knows(one, "SENTINELS") && knows(one, "REPLICAS")));
  await until(() => master.cli("INFO", "REPLICATION").split("state=online").length === 3);
  return { servers, sentinels };
}
