/**
 * The thread that renews the locks of a worker's jobs, with a connection of its own: BullMQ's timer would wait while the worker's thread is busy,
 * and a lock that runs out gives the shard to another worker.
 */
import type { Queue } from "bullmq";
import { parentPort, workerData } from "node:worker_threads";
import { parseQueueAddress } from "../queue/address.js";
import { openQueue } from "../queue/open-queue.js";
import type { HeldJob, LockNotice, LockRequest, LockThreadData } from "./lock-messages.js";

const { address, queue: name, lockMs } = workerData as LockThreadData;
const held = new Map<string, HeldJob>();
const queue = await openQueue({ address: parseQueueAddress(address), name });

parentPort?.on("message", (request: LockRequest) => {
  if ("hold" in request) held.set(request.hold.id, request.hold);
  else held.delete(request.release);
});

for (;;) {
  await new Promise((resolve) => {
    setTimeout(resolve, lockMs / 4);
  });
  try {
    await renew(queue);
  } catch {
    // The server is gone for the moment; the next turn tries again.
  }
}

async function renew(from: Queue): Promise<void> {
  const jobs = [...held.values()];
  if (jobs.length === 0) return;
  const lost = await from.getBackend().extendLocks(
    jobs.map(({ id }) => id),
    jobs.map(({ token }) => token),
    lockMs,
  );
  for (const id of lost) {
    const job = held.get(id);
    if (job === undefined) continue; // it is finished meanwhile
    // A lock may have run out while this process or the server was stopped. Only one that another worker has is lost.
    const now = await from.getJob(id);
    if (now !== undefined && now.attemptsStarted <= job.started) continue;
    held.delete(id);
    parentPort?.postMessage({ taken: job } satisfies LockNotice, []);
  }
}
