/**
 * A lock between processes: a file whose existence is the lock, and which names its owner.
 *
 * A process that was killed leaves its lock behind. Its owner touches it as long as it lives, and a waiter breaks it when the owner is known to be dead, or
 * when it has seen no touch for a while by its own monotonic clock: clocks of two machines may differ, and a lock may lie in the future.
 * Python's lock files are `flock`ed, which Node cannot do; ours lie beside them under a name of their own.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, readlinkSync, rmSync } from "node:fs";
import { lstat, mkdir, open, readFile, rm, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { systemErrorCode } from "./system-error.js";

const HEARTBEAT_MS = 1000;
/** Without a touch for this long, an owner that cannot be asked counts as dead where its lock is old or nameless. */
const SILENT_MS = 2500;
/** Without a touch for this long, any owner counts as dead: it is on a machine that we cannot ask, or hangs. */
const COLD_MS = 60_000;
/** Between making a lock and writing its owner's name into it no more than this passes. */
const NAMELESS_MS = 500;
/** Who removes a lost lock is done after this, or was killed at it. */
const GUARD_MS = 10_000;
const POLL_MS = 50;

/** Who holds a lock. */
export interface LockOwner {
  /** Its process. */
  readonly pid: number;
  /** Its machine. */
  readonly host: string;
  /** Where its process id means something: the boot and the pid namespace; empty where the system has none. */
  readonly space: string | undefined;
  /** When the process started, in the system's ticks; undefined where the system does not say. */
  readonly started: string | undefined;
  /** Unique to this lock. */
  readonly id: string;
}

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
  static async acquire(path: string, signal?: AbortSignal): Promise<FileLock> {
    const watch = new Watch();
    for (;;) {
      signal?.throwIfAborted();
      const taken = await attempt(path);
      if (typeof taken === "string") return new FileLock(path, taken);
      if (taken === undefined) continue;
      if (!(isLost(taken, watch.silence(taken.look)) && (await breakLock(path, taken)))) await pause(signal);
    }
  }

  /**
   * Takes the lock unless somebody has it.
   *
   * @returns the lock, or who has it: a process that runs, or one of another machine, of which nothing is known.
   * @throws the system's error, if the file cannot be made.
   */
  static async tryAcquire(path: string): Promise<FileLock | LockOwner> {
    const watch = new Watch();
    for (let first: string | undefined; ;) {
      const taken = await attempt(path);
      if (typeof taken === "string") return new FileLock(path, taken);
      if (taken === undefined) continue;
      const { owner, look } = taken;
      first ??= look;
      const state = owner === undefined ? "unknown" : stateOf(owner);
      if (owner !== undefined && (state === "running" || owner.host !== hostname() || look !== first)) return owner;
      const isOver = state === "dead" || watch.silence(look) > (owner === undefined ? NAMELESS_MS : SILENT_MS);
      if (!(isOver && (await breakLock(path, taken)))) await pause(undefined);
    }
  }

  /** Whether nobody broke the lock in the meantime, as happens to a process that was stopped for a while. */
  async isHeld(): Promise<boolean> {
    return (await readOwner(this.#path))?.id === this.#id;
  }

  /** As {@link FileLock.release}, in one go with what was done before it: a process that is killed between the two leaves its lock. */
  releaseAtOnce(): void {
    clearInterval(this.#heartbeat);
    try {
      if (ownerIn(readFileSync(this.#path, "utf8"))?.id === this.#id) rmSync(this.#path, { force: true });
    } catch {
      // It is gone, or cannot be removed, as in release.
    }
  }

  /** Lets the next one in. */
  async release(): Promise<void> {
    clearInterval(this.#heartbeat);
    if (await this.isHeld()) await rm(this.#path, { force: true }).catch(() => undefined);
  }
}

/** A lock of somebody else. */
interface Found {
  readonly owner: LockOwner | undefined;
  /** Changes with each touch. */
  readonly look: string;
  /** Milliseconds since its last touch, by two clocks that may differ. */
  readonly age: number;
}

/** For how long a lock has looked the same. */
class Watch {
  #look: string | undefined;
  #since = 0;

  /** In milliseconds. */
  silence(look: string): number {
    const now = performance.now();
    if (look !== this.#look) [this.#look, this.#since] = [look, now];
    return now - this.#since;
  }
}

/** @returns the new lock's id, or whose it is, or undefined where it has just been released. */
async function attempt(path: string): Promise<string | Found | undefined> {
  const id = randomUUID();
  return (await create(path, id)) ? id : find(path);
}

async function find(path: string): Promise<Found | undefined> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  if (found.isDirectory())
    throw Object.assign(new Error(`expected a lock file, got a folder: remove ${path}`), { code: "EISDIR", syscall: "open", path });
  const owner = await readOwner(path);
  return { owner, look: [found.ino, found.mtimeMs, found.size, owner?.id].join(), age: Date.now() - found.mtimeMs };
}

function isLost({ owner, age }: Found, silence: number): boolean {
  const state = owner === undefined ? "unknown" : stateOf(owner);
  if (state === "dead" || silence > COLD_MS) return true;
  if (owner === undefined) return silence > NAMELESS_MS;
  // A future lock is no fresh one, and an old one no cold one, until it was watched for some heartbeats.
  return silence > SILENT_MS && ((owner.host === hostname() && !isRunning(owner.pid)) || age > COLD_MS);
}

/** What is known of an owner's process: an id says nothing across machines, containers and boots. */
function stateOf({ pid, host, space, started }: LockOwner): "running" | "dead" | "unknown" {
  if (host !== hostname() || (space !== undefined && space !== processSpace())) return "unknown";
  // A process that was given the same number later, as in a restarted container, is not the owner.
  return isRunning(pid) && (started === undefined || started === (startOf(pid) ?? started)) ? "running" : "dead";
}

let ownSpace: string | undefined;

function processSpace(): string {
  try {
    ownSpace ??= `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    ownSpace = "";
  }
  return ownSpace;
}

/** When a process started, in ticks since the machine did: field 22 of Linux's `stat`. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  await sleep(POLL_MS * (0.5 + Math.random()), undefined, { signal }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
}

async function create(path: string, id: string): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true });
  let handle;
  try {
    handle = await open(path, "wx");
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") return false;
    throw error;
  }
  try {
    await handle.writeFile(
      JSON.stringify({ pid: process.pid, host: hostname(), space: processSpace(), started: startOf(process.pid), id } satisfies LockOwner),
    );
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  // Who was held up for long before its name was written has been given up.
  return (await readOwner(path))?.id === id;
}

async function readOwner(path: string): Promise<LockOwner | undefined> {
  return ownerIn(await readFile(path, "utf8").catch(() => ""));
}

function ownerIn(text: string): LockOwner | undefined {
  try {
    const owner: unknown = JSON.parse(text);
    if (typeof owner !== "object" || owner === null) return undefined;
    // `process` and `token` are what the locks of outputs had.
    const { process: outputPid, token, pid = outputPid, host, space, started, id = token } = owner as Readonly<Record<string, unknown>>;
    if (!(typeof pid === "number" && Number.isSafeInteger(pid) && pid > 0 && typeof host === "string" && typeof id === "string"))
      return undefined;
    return { pid, host, space: textOf(space), started: textOf(started), id };
  } catch {
    return undefined;
  }
}

/**
 * Removes a lock whose owner is lost. Several may find the same lock lost, and the first of them may have made a new one by the time the second comes:
 * who removes it holds a lock of its own meanwhile, and looks once more.
 *
 * @returns whether to try again at once; not where somebody else is at it.
 */
async function breakLock(path: string, lost: Found): Promise<boolean> {
  const guard = `${path}.breaking`;
  const taken = await attempt(guard);
  if (typeof taken !== "string") {
    // Nobody needs it for longer than a look: its owner was killed meanwhile.
    const isOver =
      taken !== undefined && ((taken.owner !== undefined && stateOf(taken.owner) === "dead") || Math.abs(taken.age) > GUARD_MS);
    if (isOver) await rm(guard, { force: true });
    return taken === undefined;
  }
  try {
    if ((await find(path))?.look === lost.look) await rm(path, { force: true });
  } finally {
    await rm(guard, { force: true });
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

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
