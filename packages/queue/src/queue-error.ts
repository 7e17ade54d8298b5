/**
 * What can go wrong between a queue's server, its jobs and a worker.
 */

/** Sentences by code; `<name>` is the detail of that name. */
export const QUEUE_MESSAGES = {
  "invalid-address": "expected an address such as redis://127.0.0.1:6379 or postgres://user@host/database, got <got>",
  "invalid-name": "expected a queue's name of 1 to 100 letters, digits, dots, dashes and underscores, got <got>",
  "not-reachable": "<address>: nothing answers (<reason>). Start redis-server or PostgreSQL there, or name another address",
  "access-denied":
    "<address>: the server rejects the password or the user (<reason>). Put them into the address: redis://user:password@host",
  "untrusted-certificate":
    "<address>: the server's certificate is not trusted (<reason>). Name the file of its authority in NODE_EXTRA_CA_CERTS, and the server as the certificate does",
  "not-a-queue-server": "<address>: what answers is no Redis, Valkey or PostgreSQL server (<reason>)",
  "server-too-old": "<address>: version <version>; expected <minimum> or newer",
  "evicting-server":
    "<address>: its maxmemory-policy is <policy>, by which it drops jobs when its memory is full. Set maxmemory-policy to noeviction",
  "missing-driver": "PostgreSQL queues need the package pg: npm install pg",
  "invalid-job": "a job of the queue is not one that enqueueShards added (<reason>)",
  "other-manifest": "the job is of the manifest <got>, and this worker's is <expected>; give each manifest a queue of its own",
  "unknown-shard": "the job's shard <shard> is not in the manifest",
  "port-in-use": "<host>:<port>: another program listens there; name another port for the metrics, or 0 for any that is free",
  "port-unavailable": "<host>:<port>: cannot listen there (<reason>)",
  "not-loopback": "<host>: metrics have no password, so they are served on this machine alone; expected 127.0.0.1, ::1 or localhost",
} as const;

/** Which kind of thing is wrong. */
export type QueueErrorCode = keyof typeof QUEUE_MESSAGES;

/** Names in angle brackets in a sentence. */
type DetailNames<Sentence extends string> = Sentence extends `${string}<${infer Name}>${infer Rest}` ? Name | DetailNames<Rest> : never;

/** Details that fill a code's sentence. */
export type QueueErrorDetails<Code extends QueueErrorCode = QueueErrorCode> = Readonly<
  Record<DetailNames<(typeof QUEUE_MESSAGES)[Code]>, string | number>
>;

/** A queue that cannot be used, or a job that is none of ours. */
export class QueueError<Code extends QueueErrorCode = QueueErrorCode> extends Error {
  /** `"QueueError"`. */
  override readonly name: string = "QueueError";
  /** Which kind of fault, from a closed set. */
  readonly code: Code;
  /** The parts of the message as data; addresses are without passwords. */
  readonly details: Readonly<Record<string, string | number>>;

  constructor(code: Code, details: QueueErrorDetails<Code>, options?: ErrorOptions) {
    const known = details as Readonly<Record<string, string | number>>;
    super(
      QUEUE_MESSAGES[code].replace(/<(\w+)>/g, (_, name: string) => String(known[name])),
      options,
    );
    this.code = code;
    this.details = known;
  }
}
