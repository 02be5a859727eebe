/** What other stores call options that this one has, and what to give here. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  path: '"directory"',
  dir: '"directory"',
  folder: '"directory"',
  table: '"collection"',
  tableName: '"collection"',
  collectionName: '"collection"',
  expiration: '"ttlMs" (in milliseconds)',
  maxAge: '"ttlMs" (in milliseconds)',
  checkPeriod: '"gcInterval" (in milliseconds)',
  checkExpirationInterval: '"gcInterval" (in milliseconds)',
  clearInterval: '"gcInterval" (in milliseconds)',
  reapInterval: '"gcInterval" (in milliseconds)',
  pruneSessionInterval: '"gcInterval" (in milliseconds)',
  prefix: '"prefix" of the object "redis"',
  client: '"redis" (a URL or an object)',
  redisClient: '"redis" (a URL or an object)',
  secret: '"encryptionKey"',
  crypto: '"encryptionKey"',
  encoder: '"serializer" (with the functions stringify and parse)',
  decoder: '"serializer" (with the functions stringify and parse)',
};

/** What to give here in place of another store's option, for a message; null if there is none. */
export function counterpart(name: string): string | null {
  return Object.hasOwn(OTHER_NAMES, name) ? (OTHER_NAMES[name] ?? null) : null;
}
