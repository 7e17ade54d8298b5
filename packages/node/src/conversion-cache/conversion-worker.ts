/**
 * The thread that converts a tower's weights: the entry file that `tower-cache.ts` starts. A layer is in memory at a time, and the file
 * appears under its name only when it is whole.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { workerData } from "node:worker_threads";
import { Checkpoint, type CheckpointFile } from "@chinese-clip/model";
import { planTower } from "@chinese-clip/model/quantize";
import { openDiskFile } from "../files/disk-file.js";
import { cacheError } from "../hub/hub-cache.js";
import { ReadBuffers } from "./read-buffers.js";
import { servePort } from "../worker/worker-port.js";
import type { ConvertedTower, ConvertRequest, ConversionWorkerData } from "./conversion-messages.js";

/** How much is written before the disk is told to begin. */
const SYNC_BYTES = 1 << 24;

// tower-cache.ts is the only one to start this thread
const { tensors, weightsFolder, tower, dtype, name, folder } = workerData as ConversionWorkerData;

servePort<ConvertRequest>({
  async convert(): Promise<ConvertedTower> {
    const hash = createHash("sha256");
    const buffers = new ReadBuffers();
    const files: CheckpointFile[] = [];
    for (const file of new Set([...tensors.values()].map((tensor) => tensor.file))) {
      const opened = await openDiskFile(join(weightsFolder, file), (byteLength) => buffers.take(byteLength));
      if (opened === undefined) continue; // the checkpoint says which tensor lacks it
      files.push({
        ...opened.file,
        async read(start, end) {
          const bytes = await opened.file.read(start, end);
          hash.update(bytes);
          return bytes;
        },
      });
    }
    const converted = planTower(new Checkpoint(tensors, files), tower, dtype, name);
    const part = join(folder, `${name}.${randomUUID()}.part`);
    try {
      await mkdir(folder, { recursive: true });
      const target = await open(part, "wx");
      try {
        let synced: Promise<void> = Promise.resolve();
        let unsynced = 0;
        // Chunk by chunk: a layer is read, converted and written before the next, and goes to the disk meanwhile.
        for await (const chunk of converted.chunks(() => buffers.takeBack())) {
          await target.writeFile(chunk);
          unsynced += chunk.length;
          if (unsynced < SYNC_BYTES) continue;
          unsynced = 0;
          await synced;
          synced = target.datasync();
          synced.catch(() => undefined); // is awaited, but maybe not before it fails
        }
        await synced;
        await target.datasync();
      } finally {
        await target.close();
      }
      const digest = hash.digest("hex");
      await mkdir(join(folder, digest), { recursive: true });
      await rename(part, join(folder, digest, name));
      return { hash: digest };
    } catch (error) {
      throw cacheError(error, folder);
    } finally {
      await rm(part, { force: true }).catch(() => undefined); // where it cannot be removed it could not be made
    }
  },
});
