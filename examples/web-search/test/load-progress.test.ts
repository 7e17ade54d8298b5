/** G: the progress of a load is of all that is downloaded: ONNX Runtime and the weights. */
import { describe, expect, it } from "vitest";
import { DownloadMeter } from "../src/load-progress.js";

const progress = (file: string, loaded: number, total: number) =>
  ({ status: "progress", name: "demo", file, progress: (100 * loaded) / total, loaded, total }) as const;

describe("DownloadMeter", () => {
  it("has no fraction until the runtime's and the weights' sizes are known", () => {
    const meter = new DownloadMeter();
    expect(meter.take({ status: "initiate", name: "demo", file: "config.json" })).toBeUndefined();
    expect(meter.take(progress("ort.wasm", 1, 14))).toEqual({ loaded: 1, total: undefined, fraction: undefined });
    expect(meter.take(progress("model.safetensors", 1, 6))).toEqual({ loaded: 2, total: 20, fraction: 0.1 });
  });

  it("is 1 when all is there, and never decreases", () => {
    const meter = new DownloadMeter();
    meter.take(progress("model.safetensors", 6, 6));
    expect(meter.take(progress("ort.wasm", 4, 14))?.fraction).toBe(0.5);
    // The second tower's worker reads it from the cache.
    expect(meter.take(progress("ort.wasm", 0, 14))?.fraction).toBe(0.5);
    expect(meter.take(progress("vision.safetensors", 0, 100))?.fraction).toBe(0.5);
    meter.take(progress("vision.safetensors", 100, 100));
    expect(meter.take(progress("ort.wasm", 14, 14))?.fraction).toBe(1);
  });
});
