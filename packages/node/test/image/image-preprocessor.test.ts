import { createImageProcessor, ImageError } from "@chinese-clip/image-processor";
import type { ImagePreprocessor } from "@chinese-clip/pipeline";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { createImagePreprocessor, type ImagePreprocessorOptions } from "../../src/image/image-preprocessor.js";
import { type ImageInput, loadImage } from "../../src/image/load-image.js";
import { buildWorker } from "../worker/build-worker.js";
import { listen } from "./listen.js";

const FIXTURES = new URL("../../../../fixtures/images/", import.meta.url);
const CONFIG = { do_center_crop: false, do_resize: true, size: { height: 32, width: 48 }, resample: 3 };

let workerUrl: URL;
beforeAll(async () => {
  workerUrl = await buildWorker("image-worker", new URL("../../src/image/image-worker.ts", import.meta.url));
});

async function withPreprocessor(
  use: (preprocessor: ImagePreprocessor<ImageInput>) => Promise<void>,
  options: ImagePreprocessorOptions = {},
): Promise<void> {
  const preprocessor = createImagePreprocessor(createImageProcessor(CONFIG), { ...options, workerUrl });
  try {
    await use(preprocessor);
  } finally {
    await preprocessor.dispose();
  }
}

async function expected(file: string): Promise<unknown> {
  return createImageProcessor(CONFIG).preprocess(await loadImage(new URL(file, FIXTURES))).pixelValues.data;
}

describe("B8 inputs", () => {
  it("B8 an image in planes of channels goes through a thread as it is", () =>
    withPreprocessor(async (preprocessor) => {
      const planar = { data: Uint8Array.from({ length: 60 }, (_, i) => i * 4), width: 5, height: 4, channels: 3, layout: "chw" } as const;
      const { pixelValues } = await preprocessor.preprocess(planar);
      expect(pixelValues).toEqual(createImageProcessor(CONFIG).preprocess(planar).pixelValues.data);
    }));
});

describe("preprocess", () => {
  it("gives what the image processor gives, for every kind of input", () =>
    withPreprocessor(async (preprocessor) => {
      const url = new URL("rgb.jpg", FIXTURES);
      const pixelValues = await expected("rgb.jpg");
      const bytes = readFileSync(url);
      const raw = await loadImage(url);
      const inputs = [url, url.href, fileURLToPath(url), bytes, new Uint8Array(bytes).buffer, new Blob([new Uint8Array(bytes)]), raw];
      for (const input of inputs) expect(await preprocessor.preprocess(input)).toEqual({ pixelValues, dims: [3, 32, 48] });
      // The caller's arrays are still the caller's.
      expect(bytes.length).toBeGreaterThan(0);
      expect(raw.data.length).toBe(raw.width * raw.height * 3);
    }));

  it("uses the memory of a recycled image again", () =>
    withPreprocessor(async (preprocessor) => {
      const first = await preprocessor.preprocess(new URL("rgb.jpg", FIXTURES));
      preprocessor.recycle?.(first);
      const second = preprocessor.preprocess(new URL("rgb.png", FIXTURES));
      expect(first.pixelValues).toHaveLength(0); // it went with the request
      expect((await second).pixelValues).toEqual(await expected("rgb.png"));
    }));

  it("answers many calls in any order, each with its own image", () =>
    withPreprocessor(async (preprocessor) => {
      const files = ["rgb.png", "gray.png", "cmyk.jpg", "rgb.bmp", "rgb.gif", "large.png", "rgb.webp", "one.png"];
      const jobs = Array.from({ length: 40 }, (_, i) => files[i % files.length] ?? "");
      const results = await Promise.all(jobs.map((file) => preprocessor.preprocess(new URL(file, FIXTURES))));
      for (const [i, file] of jobs.entries()) expect(results[i]?.pixelValues).toEqual(await expected(file));
    }));

  it("takes a view without the rest of its buffer", () =>
    withPreprocessor(async (preprocessor) => {
      const bytes = readFileSync(new URL("small.png", FIXTURES));
      const larger = new Uint8Array(100_000);
      larger.set(bytes, 50_000);
      const { pixelValues } = await preprocessor.preprocess(larger.subarray(50_000, 50_000 + bytes.length));
      expect(pixelValues).toEqual(await expected("small.png"));
      expect(larger.length).toBe(100_000);
    }));
});

describe("errors", () => {
  it("are ImageErrors again, and the next image is fine", () =>
    withPreprocessor(async (preprocessor) => {
      const attempt = (input: ImageInput): Promise<unknown> =>
        preprocessor.preprocess(input).then(
          () => "no error",
          (error: unknown) => error,
        );
      const missing = await attempt("missing.png");
      expect(missing).toBeInstanceOf(ImageError);
      expect(missing).toMatchObject({ code: "unreadable", details: { source: "missing.png", errno: "ENOENT" }, cause: { code: "ENOENT" } });
      expect(await attempt(new TextEncoder().encode("<html>"))).toMatchObject({ name: "ImageError", code: "unknown-format" });
      expect(await attempt(readFileSync(new URL("rgb.png", FIXTURES)).subarray(0, 999))).toMatchObject({
        name: "ImageError",
        code: "truncated",
      });
      expect(await attempt({ data: new Uint8Array(5), width: 2, height: 2, channels: 3 })).toMatchObject({
        name: "ImageError",
        code: "invalid-image",
      });
      expect(await attempt("ftp://host/a.png")).toBeInstanceOf(TypeError);
      // @ts-expect-error -- no ImageInput
      expect(await attempt(3)).toBeInstanceOf(TypeError);
      // @ts-expect-error -- no ImageInput
      expect(await attempt()).toBeInstanceOf(TypeError);
      expect(await preprocessor.preprocess(new URL("small.png", FIXTURES))).toMatchObject({ dims: [3, 32, 48] });
    }));

  it("rejects a bad configuration or limit at once", () => {
    expect(() => createImagePreprocessor(createImageProcessor({ ...CONFIG, image_mean: "no" }))).toThrow(ImageError);
    expect(() => createImagePreprocessor(createImageProcessor(CONFIG), { maxPixels: 0 })).toThrow(RangeError);
  });

  it("holds to its limits", () =>
    withPreprocessor(
      async (preprocessor) => {
        const url = new URL("rgb.png", FIXTURES);
        for (const input of [url, new Blob([new Uint8Array(readFileSync(url))])]) {
          await expect(preprocessor.preprocess(input)).rejects.toMatchObject({ name: "ImageError", code: "too-large" });
        }
      },
      { maxBytes: 1000 },
    ));
});

describe("abort and dispose", () => {
  it("rejects with the signal's reason and closes the transfer", async () => {
    let closed: Promise<void> | undefined;
    let began: (() => void) | undefined;
    const requested = new Promise<void>((resolve) => (began = resolve));
    const server = createServer((_, response) => {
      closed = new Promise((resolve) => response.on("close", resolve));
      response.write("x");
      began?.();
    });
    const url = `${await listen(server)}/a.png`;
    await withPreprocessor(
      async (preprocessor) => {
        const reason = new Error("enough");
        const controller = new AbortController();
        const pending = preprocessor.preprocess(url, { signal: controller.signal });
        void requested.then(() => controller.abort(reason));
        await expect(pending).rejects.toBe(reason);
        await closed;
        await expect(preprocessor.preprocess(url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      },
      { allowPrivateAddresses: true },
    );
    await new Promise((resolve) => server.close(resolve));
  });

  it("rejects what is pending and what comes later", () =>
    withPreprocessor(async (preprocessor) => {
      const pending = expect(preprocessor.preprocess(new URL("large.png", FIXTURES))).rejects.toMatchObject({
        name: "WorkerError",
        code: "disposed",
      });
      await Promise.all([preprocessor.dispose(), preprocessor.dispose(), pending]);
      await expect(preprocessor.preprocess(new URL("small.png", FIXTURES))).rejects.toMatchObject({ code: "disposed" });
    }));

  it("lets the process end while the thread is idle", async () => {
    const host = await buildWorker("image-preprocessor", new URL("../../src/image/image-preprocessor.ts", import.meta.url));
    const script = new URL("./exits.mjs", host);
    const image = new URL("small.png", FIXTURES).href;
    await writeFile(
      script,
      `import { createImagePreprocessor } from ${JSON.stringify(host.href)};
       const preprocessor = createImagePreprocessor({ toJSON: () => (${JSON.stringify(CONFIG)}) }, { workerUrl: new URL(${JSON.stringify(workerUrl.href)}) });
       console.log((await preprocessor.preprocess(${JSON.stringify(image)})).dims.join());`,
    );
    const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(script)], { timeout: 20_000 });
    expect(stdout).toBe("3,32,48\n");
  });
});
