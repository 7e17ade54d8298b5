/**
 * One writer for each output: a file beside it that names the process. A lock whose process has ended is taken over; no clock decides.
 */
import { randomUUID } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { DatasetError } from "../dataset-error.js";

/** The process that holds a lock. */
interface Owner {
  readonly process: number;
  readonly host: string;
  readonly token: string;
}

/**
 * Takes the lock of an output.
 *
 * @returns gives it back.
 * @throws DatasetError - `output-locked`: another process has it.
 */
export async function lockOutput(output: string): Promise<() => Promise<void>> {
  const lock = `${output}.lock`;
  const own: Owner = { process: process.pid, host: hostname(), token: randomUUID() };
  const release = async (): Promise<void> => {
    if ((await ownerOf(lock))?.token === own.token) await rm(lock, { force: true });
  };
  if (await createFile(lock, own)) return release;
  const owner = await ownerOf(lock);
  if (owner !== undefined && isRunning(owner)) throw locked(output, lock, owner);
  // Only one of several processes that find an abandoned lock may replace it.
  const takeover = `${lock}.takeover`;
  if (!(await createFile(takeover, own))) throw locked(output, takeover, await ownerOf(takeover));
  try {
    await delay(50); // a process that has just created the lock writes its name into it
    const still = await ownerOf(lock);
    if (still?.token !== owner?.token && still !== undefined) throw locked(output, lock, still);
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
    (error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") return false;
      throw error;
    },
  );
}

/** Undefined where there is no lock, or it names no process. */
async function ownerOf(lock: string): Promise<Owner | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(lock, "utf8"));
    if (typeof value !== "object" || value === null) return undefined;
    const { process: id, host, token } = value as Readonly<Record<string, unknown>>;
    return typeof id === "number" && typeof host === "string" && typeof token === "string" ? { process: id, host, token } : undefined;
  } catch {
    return undefined;
  }
}

/** A process of another machine counts as running, since its state is unknown. */
function isRunning({ process: id, host }: Owner): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function locked(output: string, lock: string, owner: Owner | undefined): DatasetError {
  const who = owner === undefined ? "?" : owner.host === hostname() ? owner.process : `${owner.process} on ${owner.host}`;
  return new DatasetError("output-locked", { process: who, lock, file: output });
}
