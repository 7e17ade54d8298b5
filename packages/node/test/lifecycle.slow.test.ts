/**
 * What happens around the numbers: threads, files and memory, from load to dispose.
 */
import { once } from "node:events";
import { existsSync } from "node:fs";
import fsPromises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Worker } from "node:worker_threads";
import { listSupportedBackends } from "onnxruntime-node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CheckpointError, ChineseCLIP, ChineseCLIPModel, ChineseCLIPTextModel, Tensor, WorkerError } from "../dist/index.js";

const DEMO = fileURLToPath(new URL("../../../examples/demo-checkpoint", import.meta.url));
const TINY = fileURLToPath(new URL("../../../fixtures/tiny-vit", import.meta.url));
const PICTURE = fileURLToPath(new URL("../../../examples/pictures/01.png", import.meta.url));

const ids = (length: number): Tensor => new Tensor("int64", new BigInt64Array(length).fill(5n), [1, length]);

let workers: Worker[] = [];
const remember = (worker: Worker): void => void workers.push(worker);
beforeEach(() => {
  workers = [];
  process.on("worker", remember);
});
afterEach(() => process.off("worker", remember));

const rejection = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => "no rejection", (error: unknown) => error); // prettier-ignore

describe("threads", () => {
  it("start when a tower is first used, the first of them ahead: one for text, one for images, one for decoding", async () => {
    await using clip = await ChineseCLIP.fromPretrained(DEMO);
    expect(workers).toHaveLength(1);
    await clip.embedText("猫");
    await clip.embedText(["红色的汽车", "猫"]);
    expect(workers).toHaveLength(1);
    await clip.classify(PICTURE, ["猫", "狗"]);
    expect(workers).toHaveLength(3);
  });

  it("leave the caller's event loop free while they compute", async () => {
    await using model = await ChineseCLIPModel.fromPretrained(TINY);
    const pixelValues = new Tensor("float32", new Float32Array(256 * 3 * 32 * 32), [256, 3, 32, 32]);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await model.getImageFeatures({ pixelValues });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
    expect(pixelValues.data).toHaveLength(256 * 3 * 32 * 32); // copied, not taken
  });

  it("end with dispose; work after it is refused", async () => {
    const clip = await ChineseCLIP.fromPretrained(DEMO);
    await clip.classify(PICTURE, ["猫", "狗"]);
    const ended = Promise.all(workers.map((worker) => once(worker, "exit")));
    await clip.dispose();
    await ended;
    await clip.dispose();
    expect(workers).toHaveLength(3);
    // I18: one class
    expect(await rejection(clip.embedText("猫"))).toBeInstanceOf(WorkerError);
    expect(await rejection(clip.embedText("猫"))).toMatchObject({ code: "disposed" });
    expect(await rejection(clip.embedImage(PICTURE))).toBeInstanceOf(WorkerError);
  });

  it("reject what was pending when one crashes, and serve the next call", async () => {
    await using model = await ChineseCLIPTextModel.fromPretrained(TINY);
    const before = await model.forward({ inputIds: ids(4) });
    const pending = rejection(model.forward({ inputIds: new Tensor("int64", new BigInt64Array(64 * 512).fill(5n), [64, 512]) }));
    await setImmediate(); // the thread has it, and is not done with it
    await workers[0]?.terminate();
    expect(await pending).toBeInstanceOf(WorkerError);
    const after = await model.forward({ inputIds: ids(4) });
    expect(after.lastHiddenState.data).toEqual(before.lastHiddenState.data);
    expect(workers).toHaveLength(2);
  });

  it("serve concurrent calls of both towers", async () => {
    await using clip = await ChineseCLIP.fromPretrained(DEMO);
    const alone = [await clip.embedText("猫"), await clip.embedImage(PICTURE)];
    const many = await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? clip.embedText("猫") : clip.embedImage(PICTURE))));
    // Concurrent texts go through the tower together, where a sum may round otherwise: within a float32's last digits.
    for (const [i, { data }] of many.entries()) {
      const expected = alone[i % 2]?.data ?? new Float32Array();
      expect(data.length).toBe(expected.length);
      for (const [j, value] of data.entries()) expect(Math.abs(value - (expected[j] ?? NaN))).toBeLessThan(1e-6);
    }
  });
});

describe("memory", () => {
  it("comes back with dispose: more models leave no more than noise", async () => {
    const cycle = async (): Promise<void> => {
      await using clip = await ChineseCLIP.fromPretrained(DEMO);
      await clip.classify(PICTURE, ["猫", "狗"]);
    };
    const rss = async (cycles: number): Promise<number> => {
      for (let i = 0; i < cycles; i++) await cycle();
      globalThis.gc?.();
      return process.memoryUsage().rss / 2 ** 20;
    };
    const settled = await rss(5);
    // Measured: 40 MB a model that is kept (three threads, two sessions), so six would be 240; disposed of, 10 in all.
    expect((await rss(6)) - settled).toBeLessThan(80);
  }, 120_000);
});

describe("files", () => {
  it("are read by ranges, small ones and headers only, and closed again", async () => {
    const reads: { path: string; bytes: number }[] = [];
    const { open, readFile } = fsPromises;
    let left = 0;
    fsPromises.open = async (path, ...rest) => {
      const handle = await open(path, ...rest);
      left++;
      const read = handle.read.bind(handle) as (...args: unknown[]) => Promise<{ bytesRead: number }>;
      const close = handle.close.bind(handle);
      Object.assign(handle, {
        async read(...args: unknown[]) {
          const result = await read(...args);
          reads.push({ path: String(path), bytes: result.bytesRead });
          return result;
        },
        close: () => close().then(() => void left--),
      });
      return handle;
    };
    // the spy stands in for all of readFile's overloads
    fsPromises.readFile = (async (...args: Parameters<typeof readFile>) => {
      const content = await readFile(...args);
      const [path] = args;
      reads.push({ path: path instanceof URL ? path.href : (path as string), bytes: content.length });
      return content;
    }) as typeof readFile;
    syncBuiltinESMExports();
    try {
      await using model = await ChineseCLIPModel.fromPretrained(DEMO);
      await model.getTextFeatures({ inputIds: ids(4) });
      const weights = reads.filter(({ path }) => path.endsWith("model.safetensors"));
      const header = 8 + Number((await readFile(join(DEMO, "model.safetensors"))).readBigUInt64LE(0));
      // The header's length, the header, and logit_scale.
      expect(weights.map(({ bytes }) => bytes)).toEqual([9, header - 8, 4]);
      expect(left).toBe(0);
    } finally {
      Object.assign(fsPromises, { open, readFile });
      syncBuiltinESMExports();
    }
  });

  it.skipIf(!existsSync("/proc/self/maps"))(
    "of weights are mapped by ONNX Runtime, and never the part of a tower that is not used",
    async () => {
      await using model = await ChineseCLIPModel.fromPretrained(DEMO, {
        sessionOptions: { extra: { session: { disable_prepacking: "1" } } },
      });
      await model.getTextFeatures({ inputIds: ids(4) });
      const header = JSON.parse(
        (await fsPromises.readFile(join(DEMO, "model.safetensors")))
          .toString("latin1")
          .replace(/^.{8}/s, "")
          .replace(/\}\}.*$/s, "}}"),
      ) as Record<string, { data_offsets?: [number, number] }>;
      const dataStart = 8 + Number((await fsPromises.readFile(join(DEMO, "model.safetensors"))).readBigUInt64LE(0));
      const vision = Object.entries(header)
        .filter(([name]) => name.startsWith("vis"))
        .map(([, { data_offsets: [start, end] = [0, 0] }]) => [dataStart + start, dataStart + end] as const);
      const maps = (await fsPromises.readFile("/proc/self/maps", "utf8"))
        .split("\n")
        .filter((line) => line.endsWith("/model.safetensors"))
        .map((line) => {
          const [, from = "0", to = "0", offset = "0"] = /^([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+)/.exec(line) ?? [];
          const start = Number.parseInt(offset, 16);
          return [start, start + Number.parseInt(to, 16) - Number.parseInt(from, 16)] as const;
        });
      expect(maps.length).toBeGreaterThan(0);
      // Maps are made of whole pages, so a neighbour's edge may be in one; nothing inside a large tensor may be.
      const PAGE = 4096;
      for (const [start, end] of vision.filter(([from, to]) => to - from > 4 * PAGE)) {
        for (const [from, to] of maps)
          expect(Math.min(to, end - PAGE) <= Math.max(from, start + PAGE), `map [${from}, ${to}) and tensor [${start}, ${end})`).toBe(true);
      }
    },
  );
});

describe("fromPretrained", () => {
  const folderWith = async (change: (folder: string) => Promise<void>): Promise<string> => {
    const folder = await fsPromises.mkdtemp(join(tmpdir(), "chinese-clip-"));
    await fsPromises.cp(TINY, folder, { recursive: true });
    await change(folder);
    return folder;
  };
  const edit = async (folder: string, name: string, change: (json: Record<string, unknown>) => void): Promise<void> => {
    const path = join(folder, name);
    const json = JSON.parse(await fsPromises.readFile(path, "utf8")) as Record<string, unknown>;
    change(json);
    await fsPromises.writeFile(path, JSON.stringify(json));
  };

  it("takes a path or a file URL", async () => {
    await using model = await ChineseCLIPModel.fromPretrained(pathToFileURL(TINY));
    expect(model.config.projectionDim).toBe(40);
    await using same = await ChineseCLIPModel.fromPretrained(pathToFileURL(TINY).href);
    expect(same.logitScale).toBe(model.logitScale);
  });

  it.each([
    [
      "no such folder",
      async (folder: string) => fsPromises.rm(folder, { recursive: true }),
      "missing-file",
      /expected a folder [^,]*, a weights file or a hub's id \(owner\/name\), got [^ ]+$/,
    ],
    [
      "no config.json where no shape tells the number of heads",
      async (folder: string) => fsPromises.rm(join(folder, "config.json")),
      "invalid-config",
      /config\.json/,
    ],
    [
      "no weights",
      async (folder: string) => {
        await fsPromises.rm(join(folder, "model.safetensors"));
        await fsPromises.rm(join(folder, "pytorch_model.bin"));
      },
      "missing-file",
      /model\.safetensors/,
    ],
    ["no vocabulary", async (folder: string) => fsPromises.rm(join(folder, "vocab.txt")), "missing-file", /vocab\.txt/],
    [
      "no preprocessor_config.json",
      async (folder: string) => fsPromises.rm(join(folder, "preprocessor_config.json")),
      "missing-file",
      /preprocessor_config\.json/,
    ],
    [
      "a config.json that is no JSON",
      async (folder: string) => fsPromises.writeFile(join(folder, "config.json"), "{"),
      "malformed",
      /config\.json: expected JSON/,
    ],
    [
      "another model's config",
      async (folder: string) => edit(folder, "config.json", (json) => (json["model_type"] = "clip")),
      "invalid-config",
      /model_type/,
    ],
    [
      "a cut weights file",
      async (folder: string) => fsPromises.truncate(join(folder, "model.safetensors"), 500_000),
      "malformed",
      /cut short/,
    ],
    [
      "weights that are not the configuration's",
      async (folder: string) => edit(folder, "config.json", (json) => (json["projection_dim"] = 41)),
      "shape-mismatch",
      /projection/,
    ],
    [
      "a vocabulary that the embedding has no rows for",
      async (folder: string) => fsPromises.appendFile(join(folder, "vocab.txt"), "龘\n"),
      "vocabulary-mismatch",
      /at most 231 entries.*got 232/,
    ],
    [
      "a tokenizer_config.json of nonsense",
      async (folder: string) => fsPromises.writeFile(join(folder, "tokenizer_config.json"), '{"do_lower_case": 1}'),
      "malformed",
      /do_lower_case/,
    ],
  ])("refuses %s, saying so", async (_, change, code, message) => {
    const folder = await folderWith(change);
    try {
      const error = await rejection(ChineseCLIP.fromPretrained(folder));
      expect(error).toBeInstanceOf(CheckpointError);
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
      expect(String(error)).toContain(folder);
    } finally {
      await fsPromises.rm(folder, { recursive: true, force: true });
    }
  });

  it("refuses options that it does not know, instead of loading something else", async () => {
    // @ts-expect-error -- not a dtype
    expect(String(await rejection(ChineseCLIPModel.fromPretrained(TINY, { dtype: "q99" })))).toMatch(
      /RangeError: .*dtype to be one of fp32, fp16, q8, q4, got "q99"/,
    );
    expect(String(await rejection(ChineseCLIPModel.fromPretrained(TINY, { device: "tpu" })))).toMatch(
      /RangeError: .*expected a device that .* has \("cpu".*\), got "tpu"/,
    );
    expect(String(await rejection(ChineseCLIPModel.fromPretrained(TINY, { numThreads: 0 })))).toMatch(/numThreads/);
  });

  it("gives up when told to", async () => {
    const reason = new Error("changed my mind");
    expect(await rejection(ChineseCLIP.fromPretrained(TINY, { signal: AbortSignal.abort(reason) }))).toBe(reason);
  });

  it("computes on the device that was asked for, or says why not, and never elsewhere", async () => {
    for (const { name } of listSupportedBackends()) {
      await using model = await ChineseCLIPModel.fromPretrained(TINY, { device: name, numThreads: 1 });
      const result: unknown = await model.getTextFeatures({ inputIds: ids(3) }).catch((error: unknown) => error);
      if (name === "cpu") expect(result).toBeInstanceOf(Tensor);
      // A machine with a GPU computes there; one without says so.
      else if (!(result instanceof Tensor))
        expect(String(result)).toContain(`device "${name}": ONNX Runtime could not load the model there`);
    }
  }, 60_000);

  it("refuses a device that no build for this system has, before it looks for the model", async () => {
    const absent = process.platform === "win32" ? "coreml" : "dml";
    const error = await rejection(ChineseCLIPModel.fromPretrained("/no such folder", { device: absent }));
    expect(String(error)).toMatch(new RegExp(`RangeError: .*ONNX Runtime's build for ${process.platform} .*got "${absent}"`));
  });

  it("passes sessionOptions to ONNX Runtime, which refuses what it does not know", async () => {
    await using model = await ChineseCLIPModel.fromPretrained(TINY, {
      numThreads: 1,
      sessionOptions: { executionProviders: ["nonsense"] },
    });
    await expect(model.getTextFeatures({ inputIds: ids(3) })).rejects.toThrow(/nonsense/);
  });
});
