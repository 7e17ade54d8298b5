/** Where a shard's files are written before they are put: a folder for each process and shard, so that two that embed one shard do not meet. */
import { randomBytes } from "node:crypto";
import { readlinkSync } from "node:fs";
import { mkdir, readdir, rm, rmdir, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { writingTo } from "@chinese-clip/pipeline/node";

/** After this a folder of another machine is taken for one of a process that was killed: nobody works on a shard for a day. */
const STALE_MS = 24 * 60 * 60 * 1000;

/** Names of the folders: `host.pid.random.shard`. */
const NAME = /^([A-Za-z0-9_-]+)\.(\d+)\.[0-9a-f]{12}\./u;

/**
 * Runs what writes files of a shard, and removes the folder however it ends.
 *
 * @param staging - the folder that the shard's folder is made in.
 * @throws OutputError - the place cannot be written; what `write` throws.
 */
export async function withStaging<Result>(staging: string, id: string, write: (folder: string) => Promise<Result>): Promise<Result> {
  await sweep(staging);
  const folder = join(staging, `${host()}.${process.pid}.${randomBytes(6).toString("hex")}.${id}`);
  await writingTo(folder, () => mkdir(folder, { recursive: true }));
  try {
    return await write(folder);
  } finally {
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    await rmdir(staging).catch(() => undefined); // while others are in it, it stays
  }
}

/** Removes what killed processes left. Failures are not reported. */
async function sweep(staging: string): Promise<void> {
  for (const name of await readdir(staging).catch(() => [])) {
    const [, owner, pid] = NAME.exec(name) ?? [];
    if (owner === undefined) continue;
    const folder = join(staging, name);
    const changed = await stat(folder).catch(() => undefined);
    if (changed === undefined) continue;
    const isLeft = owner === host() ? !isAlive(Number(pid)) : Date.now() - changed.mtimeMs > STALE_MS;
    if (isLeft) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** This machine, and which numbering of processes: containers of one machine may share its name and not its processes. */
function host(): string {
  let namespace = "";
  try {
    namespace = `-${/\d+/u.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? ""}`;
  } catch {
    // No Linux.
  }
  return `${hostname().replace(/[^A-Za-z0-9_-]/gu, "-")}${namespace}`;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
