/**
 * One writer for what has a lock: a file that names the process. A lock whose process has ended is taken over; no clock decides. Where the system
 * says when a process started (Linux), a process that was given the same number later, as in a restarted container, does not count as the owner.
 */
import { randomUUID } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { SearchError } from "../search-error.js";
import { systemErrorCode } from "./system-error.js";

/** The process that holds a lock. */
interface Owner {
  readonly process: number;
  readonly host: string;
  readonly token: string;
  /** When the process started, in the system's ticks. */
  readonly started?: string | undefined;
}

/**
 * Takes a lock.
 *
 * @param lock - the lock's file; its folder exists.
 * @returns gives it back.
 * @throws SearchError - `locked`: another process, or another caller in this one, has it; `details.owner` names it.
 */
export async function lockFile(lock: string): Promise<() => Promise<void>> {
  const own: Owner = { process: process.pid, host: hostname(), token: randomUUID(), started: await startOf(process.pid) };
  const release = async (): Promise<void> => {
    if ((await ownerOf(lock))?.token === own.token) await rm(lock, { force: true });
  };
  if (await createFile(lock, own)) return release;
  const owner = await ownerOf(lock);
  if (owner !== undefined && (await isRunning(owner))) throw locked(lock, owner);
  // Only one of several processes that find an abandoned lock may replace it.
  const takeover = `${lock}.takeover`;
  if (!(await createFile(takeover, own))) {
    const other = await ownerOf(takeover);
    if (other !== undefined && !(await isRunning(other))) await rm(takeover, { force: true }); // killed on its way: the next attempt succeeds
    throw locked(takeover, other);
  }
  try {
    await delay(50); // a process that has just created the lock writes its name into it
    const still = await ownerOf(lock);
    if (still?.token !== owner?.token && still !== undefined) throw locked(lock, still);
    const staged = `${lock}.${own.token}`;
    await writeFile(staged, JSON.stringify(own));
    await rename(staged, lock);
  } finally {
    await rm(takeover, { force: true });
  }
  return release;
}

/** @returns whether there was no such file. */
async function createFile(file: string, owner: Owner): Promise<boolean> {
  return writeFile(file, JSON.stringify(owner), { flag: "wx" }).then(
    () => true,
    (error: unknown) => {
      if (systemErrorCode(error) === "EEXIST") return false;
      throw error;
    },
  );
}

/** Undefined where there is no lock, or it names no process. */
async function ownerOf(lock: string): Promise<Owner | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(lock, "utf8"));
    if (typeof value !== "object" || value === null) return undefined;
    const { process: id, host, token, started } = value as Readonly<Record<string, unknown>>;
    if (!(typeof id === "number" && typeof host === "string" && typeof token === "string")) return undefined;
    return { process: id, host, token, started: typeof started === "string" ? started : undefined };
  } catch {
    return undefined;
  }
}

/** A process of another machine counts as running, since its state is unknown. */
async function isRunning({ process: id, host, started }: Owner): Promise<boolean> {
  if (host !== hostname()) return true;
  try {
    process.kill(id, 0);
  } catch (error) {
    return systemErrorCode(error) === "EPERM";
  }
  return started === undefined || started === ((await startOf(id)) ?? started);
}

/** When a process started, in ticks since the machine did: field 22 of Linux's `stat`; undefined on other systems. */
async function startOf(id: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${id}/stat`, "latin1").catch(() => "");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

function locked(lock: string, owner: Owner | undefined): SearchError {
  const who = owner === undefined ? "?" : owner.host === hostname() ? owner.process : `${owner.process} on ${owner.host}`;
  return new SearchError("locked", `process ${who} writes here; wait until it ends, or delete this file if no such process runs`, {
    file: lock,
    owner: who,
  });
}
