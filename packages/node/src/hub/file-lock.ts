/**
 * A lock between processes, so that two of them download a file once.
 *
 * Python's lock files are `flock`ed, which Node cannot do; ours lie beside them under a name of their own, and hold by existing. A process
 * that was killed leaves its file behind, so the owner touches it as long as it lives, and who waits breaks a lock that went cold.
 * The cache's correctness does not rest on it: bytes are written where they belong, checked, and renamed.
 */
import { randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { abortable } from "./retry.js";
import { systemErrorCode } from "../files/system-error.js";

const HEARTBEAT_MS = 1000;
/** A dead owner's lock may be broken after this; longer than a heartbeat, since a process id says nothing across containers. */
const DEAD_AFTER_MS = 3000;
/** Any lock may be broken after this: its owner is on a machine that we cannot ask, or hangs. */
const COLD_AFTER_MS = 60_000;
const POLL_MS = 50;

/** A held lock. */
export class FileLock {
  readonly #path: string;
  readonly #id: string;
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(path: string, id: string) {
    this.#path = path;
    this.#id = id;
    this.#heartbeat = setInterval(() => {
      const now = new Date();
      utimes(path, now, now).catch(() => undefined);
    }, HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  /**
   * Waits until the lock is free, and takes it.
   *
   * @throws the system's error, if the file cannot be made; the signal's reason.
   */
  static async acquire(path: string, signal: AbortSignal | undefined): Promise<FileLock> {
    await mkdir(dirname(path), { recursive: true });
    const id = randomUUID();
    for (;;) {
      signal?.throwIfAborted();
      if (await create(path, id)) return new FileLock(path, id);
      if (!(await breakIfStale(path))) await abortable(sleep(POLL_MS * (0.5 + Math.random()), undefined, { signal }), signal);
    }
  }

  /** Whether nobody broke the lock in the meantime, as happens to a process that was stopped for a while. */
  async isHeld(): Promise<boolean> {
    return (await readOwner(this.#path))?.id === this.#id;
  }

  /** Lets the next one in. */
  async release(): Promise<void> {
    clearInterval(this.#heartbeat);
    if (await this.isHeld()) await rm(this.#path, { force: true }).catch(() => undefined);
  }
}

interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly id: string;
}

async function create(path: string, id: string): Promise<boolean> {
  let handle;
  try {
    handle = await open(path, "wx");
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") return false;
    throw error;
  }
  try {
    await handle.writeFile(JSON.stringify({ pid: process.pid, host: hostname(), id } satisfies Owner));
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  return true;
}

async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    const owner: unknown = JSON.parse(await readFile(path, "utf8"));
    if (typeof owner !== "object" || owner === null || !("pid" in owner && "host" in owner && "id" in owner)) return undefined;
    const { pid, host, id } = owner;
    return typeof pid === "number" && typeof host === "string" && typeof id === "string" ? { pid, host, id } : undefined;
  } catch {
    return undefined;
  }
}

/** @returns whether the lock is gone, so that it is worth trying at once. */
async function breakIfStale(path: string): Promise<boolean> {
  const owner = await readOwner(path);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return true;
  const age = Date.now() - found.mtimeMs;
  const isDead = owner?.host === hostname() && !isRunning(owner.pid);
  if (!(age > COLD_AFTER_MS || (isDead && age > DEAD_AFTER_MS))) return false;
  // Two may come to this conclusion at once. Only one rename of the stale file succeeds; who renamed a fresh one gives it back.
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
    if ((await readOwner(aside))?.id !== owner?.id) await link(aside, path).catch(() => undefined);
    await rm(aside, { force: true });
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
  }
  return true;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === "EPERM";
  }
}
