/**
 * Where a queue lives, as a URL: Redis and Valkey by `redis:`, `rediss:` (TLS), `valkey:` and `valkeys:`; PostgreSQL by `postgres:` and
 * `postgresql:`.
 */
import { shown } from "@chinese-clip/dataset/formats";
import { withoutSecrets } from "@chinese-clip/pipeline";
import { QueueError } from "../queue-error.js";

/** A parsed address. */
export interface QueueAddress {
  /** Which of BullMQ's backends has it. */
  readonly backend: "redis" | "postgres";
  /** The address as it was given, passwords included. */
  readonly url: URL;
  /** The address for messages: without user, password and secret parameters. */
  readonly shown: string;
}

const BACKENDS: Readonly<Record<string, QueueAddress["backend"]>> = {
  "redis:": "redis",
  "rediss:": "redis",
  "valkey:": "redis",
  "valkeys:": "redis",
  "postgres:": "postgres",
  "postgresql:": "postgres",
};

/**
 * Parses an address. A Redis address may name a database (`redis://host/2`), PostgreSQL's must.
 *
 * @throws QueueError - `invalid-address`.
 */
export function parseQueueAddress(text: string): QueueAddress {
  const printable = shown(withoutSecrets(text));
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const backend = url === undefined ? undefined : BACKENDS[url.protocol];
  if (
    url === undefined ||
    !isDecodable(url) ||
    backend === undefined ||
    (backend === "redis" && (url.hostname === "" || !/^\/?\d{0,5}$/u.test(url.pathname)))
  )
    throw new QueueError("invalid-address", { got: printable === "" ? '""' : printable });
  return { backend, url, shown: printable };
}

/** Whether its name and password have no % that begins no escape. */
function isDecodable({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}

/** A Redis address as ioredis takes it. */
export interface RedisConnection {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: Record<string, never>;
}

/** The parts of a Redis address; the port is 6379 where none is named. */
export function redisConnection({ url }: QueueAddress): RedisConnection {
  return {
    host: url.hostname.replace(/^\[(.*)\]$/u, "$1"),
    port: Number(url.port || 6379),
    db: Number(url.pathname.slice(1) || 0),
    ...(url.username === "" ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === "" ? {} : { password: decodeURIComponent(url.password) }),
    ...(url.protocol === "rediss:" || url.protocol === "valkeys:" ? { tls: {} } : {}),
  };
}
