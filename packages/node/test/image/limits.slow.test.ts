import { createImageProcessor } from "@chinese-clip/image-processor";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { openBmp } from "../../src/image/decode-bmp.js";
import { openGif } from "../../src/image/decode-gif.js";
import { createImagePreprocessor, type ImagePreprocessorOptions } from "../../src/image/image-preprocessor.js";
import { loadImage } from "../../src/image/load-image.js";
import { MemoryBudget } from "../../src/image/memory-budget.js";
import { buildWorker } from "../worker/build-worker.js";
import { emptyGif, runLengthBitmap } from "./bitmaps.js";
import { listen } from "./listen.js";

const CONFIG = { do_center_crop: false, do_resize: true, size: { height: 32, width: 48 }, resample: 3 };
const SMALL = new URL("../../../../fixtures/images/small.png", import.meta.url);

let workerUrl: URL;
beforeAll(async () => {
  workerUrl = await buildWorker("image-worker-limits", new URL("../../src/image/image-worker.ts", import.meta.url));
});

async function withPreprocessor(
  options: ImagePreprocessorOptions,
  use: (preprocess: ReturnType<typeof createImagePreprocessor>["preprocess"]) => Promise<void>,
): Promise<void> {
  const preprocessor = createImagePreprocessor(createImageProcessor(CONFIG), { ...options, workerUrl });
  try {
    await use((image, given) => preprocessor.preprocess(image, given));
  } finally {
    await preprocessor.dispose();
  }
}

describe("I3 time", () => {
  it("I3 an image that takes too long ends its thread, and the next one is decoded", () =>
    withPreprocessor({ maxMilliseconds: 1 }, async (preprocess) => {
      await expect(preprocess(runLengthBitmap(10_000, 2_000))).rejects.toMatchObject({ name: "ImageError", code: "too-large" });
      await expect(preprocess(runLengthBitmap(10_000, 2_000))).rejects.toMatchObject({ code: "too-large" });
    }));

  it("I3 an image whose thread is ended takes no other image with it", async () => {
    const server = createServer(() => undefined);
    const silent = `${await listen(server)}/a.png`;
    await withPreprocessor({ maxMilliseconds: 2000, allowPrivateAddresses: true }, async (preprocess) => {
      const late = Array.from({ length: 2 }, () => expect(preprocess(silent)).rejects.toMatchObject({ code: "too-large" }));
      const others = Array.from({ length: 40 }, async () => expect(await preprocess(SMALL)).toMatchObject({ dims: [3, 32, 48] }));
      await Promise.all([...late, ...others]);
      await preprocess(SMALL);
    });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it("I3 loadImage ends at its deadline, and the caller's thread is not held up", async () => {
    // The deadline is a timer of this thread: were the image decoded here, the timer would fire after the pixels are there.
    await expect(loadImage(runLengthBitmap(13_000, 13_000), { limits: { milliseconds: 50 } })).rejects.toMatchObject({
      code: "too-large",
      details: { maxMilliseconds: 50 },
    });
    expect((await loadImage(SMALL)).channels).toBe(3);
  });

  it("I3 a limit below 1 is the caller's mistake", async () => {
    expect(() => createImagePreprocessor(createImageProcessor(CONFIG), { maxMilliseconds: 0 })).toThrow(RangeError);
    for (const limits of [{ milliseconds: 0 }, { memory: -1 }, { pixels: Number.NaN }, { encodedBytes: 0 }])
      await expect(loadImage(SMALL, { limits })).rejects.toThrow(RangeError);
  });

  it("I3 runs past the end of a row cost nothing", async () => {
    // 100 MB of runs of 255 pixels in a row of one pixel: 12,750 million pixels that are nowhere, which would take longer than a test may.
    const runs = new Uint8Array(100_000_000).fill(255);
    await expect(openBmp(runLengthBitmap(1, 2, runs), 1e9).decode()).rejects.toMatchObject({ code: "truncated" });
  });

  it("I3 a GIF without enough codes for its pixels is rejected before memory is taken", async () => {
    const gif = emptyGif(13_000, 13_000, new Uint8Array(1000));
    let largest = 0;
    const Counted = class extends Uint8Array {
      constructor(...args: readonly unknown[]) {
        super(...(args as [number]));
        largest = Math.max(largest, this.byteLength);
      }
    };
    vi.stubGlobal("Uint8Array", Counted);
    try {
      await expect(openGif(gif, 1e9).decode()).rejects.toMatchObject({ code: "truncated" });
    } finally {
      vi.unstubAllGlobals();
    }
    expect(largest).toBeGreaterThan(0);
    expect(largest).toBeLessThan(10_000);
  });
});

describe("I2 memory", () => {
  it("I2 who needs memory waits until it fits, in order; who needs more than all of it goes alone", async () => {
    const budget = new MemoryBudget();
    const log: string[] = [];
    const take = (name: string, bytes: number): Promise<() => void> =>
      budget.acquire(bytes, 100).then((release) => {
        log.push(name);
        return release;
      });
    const [a, b, c, d] = [take("a", 60), take("b", 40), take("c", 500), take("d", 1)];
    const [releaseA, releaseB] = await Promise.all([a, b]);
    expect(log).toEqual(["a", "b"]);
    releaseA();
    releaseA();
    await sleep(1);
    expect(log).toEqual(["a", "b"]);
    releaseB();
    const releaseC = await c;
    await sleep(1);
    expect(log).toEqual(["a", "b", "c"]);
    releaseC();
    (await d)();
    expect(log).toEqual(["a", "b", "c", "d"]);
  });

  it("I2 decoded pixels in flight stay below the limit in all threads together", async () => {
    // 120 MB each; without a limit four are decoded at once.
    const bitmap = runLengthBitmap(8_000, 5_000);
    const peak = async (maxMemory: number): Promise<number> => {
      const before = process.memoryUsage().rss;
      let highest = before;
      const timer = setInterval(() => (highest = Math.max(highest, process.memoryUsage().rss)), 5);
      await withPreprocessor({ maxMemory }, async (preprocess) => {
        await preprocess(SMALL);
        await Promise.all(Array.from({ length: 4 }, () => preprocess(bitmap)));
      });
      clearInterval(timer);
      return (highest - before) / 1e6;
    };
    expect(await peak(1)).toBeLessThan(330);
  });

  it("I2 the same image goes through with any limit", async () => {
    const bytes = readFileSync(SMALL);
    const whole = await loadImage(bytes);
    expect(await loadImage(bytes, { limits: { memory: 1 } })).toEqual(whole);
    const results = await Promise.all(Array.from({ length: 10 }, () => loadImage(bytes, { limits: { memory: 1 } })));
    for (const image of results) expect(image).toEqual(whole);
  });
});
