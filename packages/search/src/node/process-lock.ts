/** One writer for what has a lock: pipeline's file lock, which is not waited for. */
import { hostname } from "node:os";
import { FileLock, writingTo } from "@chinese-clip/pipeline/node";
import { SearchError } from "../search-error.js";

/**
 * Takes a lock.
 *
 * @param lock - the lock's file.
 * @returns gives it back.
 * @throws SearchError - `locked`: another process, or another caller in this one, has it; `details.owner` names it. OutputError - it cannot be written.
 */
export async function lockFile(lock: string): Promise<() => Promise<void>> {
  const taken = await writingTo(lock, () => FileLock.tryAcquire(lock));
  if (taken instanceof FileLock) return () => taken.release();
  const owner = taken.host === hostname() ? taken.pid : `${taken.pid} on ${taken.host}`;
  throw new SearchError("locked", `process ${owner} writes here; wait until it ends, or delete this file if no such process runs`, {
    file: lock,
    owner,
  });
}
