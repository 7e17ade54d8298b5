/**
 * Folders for conversions that no cache takes. A process removes its own when it exits; what one left that was killed is removed by the next that
 * needs such a folder.
 */
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { lstat, mkdir, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileLock } from "@chinese-clip/pipeline/node";
import { hostProcess } from "../worker/host-process.js";

const PREFIX = "chinese-clip-towers-";

/** Makes a folder for this process, which holds the lock beside it as long as it lives. */
export async function makeTemporaryFolder(): Promise<string> {
  await sweep(tmpdir());
  const folder = join(tmpdir(), PREFIX + randomUUID());
  const lock = lockOf(folder);
  await FileLock.acquire(lock);
  hostProcess.on("exit", () => {
    for (const path of [folder, lock]) rmSync(path, { recursive: true, force: true });
  });
  await mkdir(folder, { mode: 0o700 });
  return folder;
}

function lockOf(folder: string): string {
  return `${folder}.lock`;
}

/** Removes this user's folders whose processes have ended. Failures are not reported. */
async function sweep(parent: string): Promise<void> {
  const names = await readdir(parent).catch(() => []);
  for (const name of names.filter((entry) => entry.startsWith(PREFIX) && !entry.endsWith(".lock"))) {
    const folder = join(parent, name);
    const found = await lstat(folder).catch(() => undefined);
    if (found?.isDirectory() !== true || found.uid !== (process.getuid?.() ?? found.uid)) continue;
    const lock = await FileLock.tryAcquire(lockOf(folder)).catch(() => undefined);
    if (!(lock instanceof FileLock)) continue;
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    await lock.release();
  }
}
