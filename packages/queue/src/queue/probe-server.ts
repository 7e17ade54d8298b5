/**
 * One connection to a queue's server before it is used, so that a wrong address or password is an error at once and not a client that tries
 * again for ever.
 */
import { shown } from "@chinese-clip/dataset/formats";
import { errorMessage, withoutSecrets } from "@chinese-clip/pipeline";
import { QueueError } from "../queue-error.js";
import { type QueueAddress, redisConnection } from "./address.js";

/** Milliseconds until a server counts as silent. */
const PATIENCE_MS = 5000;

/** The first Redis with all commands that BullMQ uses. */
const MINIMUM_REDIS = "6.2.0";

/**
 * Asks the server who it is.
 *
 * @throws QueueError - `not-reachable`, `access-denied`, `untrusted-certificate`, `not-a-queue-server`, `server-too-old`, `evicting-server`,
 * `missing-driver`.
 */
export async function probeServer(address: QueueAddress): Promise<void> {
  await (address.backend === "redis" ? probeRedis(address) : probePostgres(address));
}

async function probeRedis(address: QueueAddress): Promise<void> {
  const { Redis } = await import("ioredis");
  const client = new Redis({
    ...redisConnection(address),
    lazyConnect: true,
    connectTimeout: PATIENCE_MS,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    retryStrategy: () => null,
  });
  let raised: unknown;
  client.on("error", (error: unknown) => {
    raised ??= error;
  });
  try {
    const info = await withinPatience(client.connect().then(() => client.info()));
    if (raised !== undefined) throw raised;
    checkRedis(address, info);
  } catch (error) {
    throw error instanceof QueueError ? error : problemOf(address, raised ?? error);
  } finally {
    client.disconnect();
  }
}

/** @throws QueueError - `server-too-old`, `evicting-server`, `not-a-queue-server`. */
function checkRedis({ shown: address }: QueueAddress, info: string): void {
  const field = (name: string): string | undefined => new RegExp(`^${name}:(\\S+)`, "mu").exec(info)?.[1];
  const version = field("redis_version");
  if (version === undefined) throw new QueueError("not-a-queue-server", { address, reason: shown(info) });
  if (field("valkey_version") === undefined && version.localeCompare(MINIMUM_REDIS, "en", { numeric: true }) < 0)
    throw new QueueError("server-too-old", { address, version: shown(version), minimum: MINIMUM_REDIS });
  const policy = field("maxmemory_policy") ?? "noeviction";
  if (policy.startsWith("allkeys-") && field("maxmemory") !== "0")
    throw new QueueError("evicting-server", { address, policy: shown(policy) });
}

async function probePostgres(address: QueueAddress): Promise<void> {
  const pg = await import("pg").catch((cause: unknown) => {
    throw new QueueError("missing-driver", {}, { cause });
  });
  const client = new pg.default.Client({ connectionString: address.url.href, connectionTimeoutMillis: PATIENCE_MS });
  client.on("error", () => undefined);
  try {
    await withinPatience(client.connect().then(() => client.query("SELECT 1")));
  } catch (error) {
    throw problemOf(address, error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** What a client's error says of the server. */
function problemOf({ shown: address }: QueueAddress, error: unknown): QueueError {
  const { code } = error as { readonly code?: unknown };
  const causes = error instanceof AggregateError ? error.errors : [error];
  const reason = shown(withoutSecrets(errorMessage(causes[0])));
  const denied = /^(?:WRONGPASS|NOAUTH|NOPERM|ERR (?:AUTH|invalid password|Client sent AUTH))|password|authentication/iu;
  // PostgreSQL: no such role, no access, no such database.
  if (denied.test(reason) || ["28P01", "28000", "3D000", "42501"].includes(String(code)))
    return new QueueError("access-denied", { address, reason }, { cause: error });
  if (/certificate/iu.test(reason)) return new QueueError("untrusted-certificate", { address, reason }, { cause: error });
  if (/protocol error|unexpected|Protocol/u.test(reason))
    return new QueueError("not-a-queue-server", { address, reason }, { cause: error });
  return new QueueError("not-reachable", { address, reason }, { cause: error });
}

async function withinPatience<Value>(work: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
  });
  work.catch(() => undefined);
  return Promise.race([work, silence]).finally(() => clearTimeout(timer));
}
