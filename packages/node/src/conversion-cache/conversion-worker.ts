/**
 * The thread that converts a tower's weights: the entry file that `tower-cache.ts` starts. A layer is in memory at a time, and the file
 * appears under its name only when it is whole.
 */
import { createHash } from "node:crypto";
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { workerData } from "node:worker_threads";
import { Checkpoint, type CheckpointFile } from "@chinese-clip/model";
import { isTowerTensor, planTower, TOWER_FORMAT } from "@chinese-clip/model/quantize";
import { stageFolder, sweepStaging } from "@chinese-clip/pipeline/node";
import { openDiskFile } from "../files/disk-file.js";
import { WeightsFiles } from "../files/weights-files.js";
import { cacheError } from "../hub/hub-cache.js";
import { isIntact } from "./is-intact.js";
import { ReadBuffers } from "./read-buffers.js";
import { servePort } from "../worker/worker-port.js";
import { checksumFile, type ConversionRequest, type ConversionWorkerData } from "./conversion-messages.js";

/** Bytes of one read while weights are hashed. */
const HASH_BYTES = 1 << 22;

/** How much is written before the disk is told to begin. */
const SYNC_BYTES = 1 << 24;

// tower-cache.ts is the only one to start this thread
const { tensors, weightsFolder, stamps, tower, dtype, integers, name } = workerData as ConversionWorkerData;
const weights = new WeightsFiles(stamps);

const controller = new AbortController();
const { signal } = controller;

servePort<ConversionRequest>({
  abort: () => controller.abort(),

  async hash(): Promise<string> {
    const hash = createHash("sha256").update(JSON.stringify([TOWER_FORMAT, tower, dtype, integers]));
    const files = new Map<string, CheckpointFile | undefined>();
    for (const [tensor, { file, byteOffset, bytes: copy, ...form }] of [...tensors].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      if (!isTowerTensor(tower, tensor)) continue;
      if (!files.has(file)) files.set(file, (await openDiskFile(join(weightsFolder, file)))?.file);
      hash.update(JSON.stringify([tensor, form]));
      if (copy !== undefined) {
        hash.update(copy);
        continue;
      }
      const end = byteOffset + form.byteLength;
      for (let at = byteOffset; at < end; at += HASH_BYTES) {
        signal.throwIfAborted();
        const bytes = await files.get(file)?.read(at, Math.min(at + HASH_BYTES, end));
        if (bytes !== undefined) hash.update(bytes);
      }
    }
    await weights.check();
    return hash.digest("hex");
  },

  async convert({ folder, hash }): Promise<void> {
    const checksum = createHash("sha256");
    const buffers = new ReadBuffers();
    const files: CheckpointFile[] = [];
    for (const file of new Set([...tensors.values()].map((tensor) => tensor.file))) {
      const opened = await openDiskFile(join(weightsFolder, file), (byteLength) => buffers.take(byteLength));
      if (opened === undefined) continue; // the checkpoint says which tensor lacks it
      files.push(opened.file);
    }
    const converted = planTower(new Checkpoint(tensors, files), tower, dtype, name, integers);
    const path = join(folder, hash, name);
    await sweepStaging(folder);
    const write = async (staging: string): Promise<void> => {
      // Another process may have converted it while this one waited for the lock.
      if (await isIntact(path, checksumFile(path), converted.byteLength)) return;
      const target = await open(join(staging, name), "wx");
      try {
        let synced: Promise<void> = Promise.resolve();
        let unsynced = 0;
        // Chunk by chunk: a layer is read, converted and written before the next, and goes to the disk meanwhile.
        for await (const chunk of converted.chunks(() => buffers.takeBack())) {
          signal.throwIfAborted();
          checksum.update(chunk);
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
      await weights.check(); // what is cached is found by the hash of what was there before
      await writeFile(checksumFile(join(staging, name)), checksum.digest("hex"));
    };
    try {
      await stageFolder(join(folder, hash), write, signal);
    } catch (error) {
      throw cacheError(error, folder);
    }
  },
});
