/** Images as strangers give them: what they may cost, where they come from, and what is no image. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumPath, ModelServer, startBrowser } from "@chinese-clip/browser";
import { openPage } from "./lib-page.js";

const MIB = 2 ** 20;

/** A server of images without a length: one that never ends, one that stalls, one that is small only while it is compressed. */
async function startBadServer(): Promise<{ server: Server; origin: string; sent: () => number }> {
  let sent = 0;
  const server = createServer((request, response) => {
    response.setHeader("Access-Control-Allow-Origin", "*");
    if (request.url === "/stall") {
      response.write("x");
    } else if (request.url === "/gzip") {
      response.setHeader("Content-Encoding", "gzip");
      response.end(gzipSync(Buffer.alloc(64 * MIB)));
    } else {
      const more = (): void => {
        if (response.destroyed) return;
        sent += MIB;
        response.write(Buffer.alloc(MIB), more);
      };
      more();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, origin: `http://localhost:${(server.address() as AddressInfo).port}`, sent: () => sent };
}

describe.skipIf(chromiumPath === undefined)("images", () => {
  let bad: Awaited<ReturnType<typeof startBadServer>>;
  let server: ModelServer;
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    [bad, server, browser] = await Promise.all([startBadServer(), ModelServer.start(), startBrowser()]);
    page = await openPage(browser, server.origin);
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
    bad.server.closeAllConnections();
    await new Promise((resolve) => bad.server.close(resolve));
  });

  /** The code, or else the class, of what `loadImage` rejects with. */
  const rejection = (address: string, options: { readonly limits?: object; readonly maxBytes?: number }): Promise<string> =>
    page.evaluate(
      ([from, given]) =>
        lib.loadImage(from, given).then(
          () => "an image",
          (error: unknown) => (error as { code?: string }).code ?? (error as Error).name,
        ),
      [address, options] as const,
    );

  it.each(["/endless", "/gzip"])("I10 %s: no more is read than allowed, whatever length is stated", async (path) => {
    await expect(rejection(bad.origin + path, { limits: { encodedBytes: 8 * MIB } })).resolves.toBe("too-large");
    expect(bad.sent()).toBeLessThan(256 * MIB);
  });

  it("I10 an address has a deadline, and images that wait for their turn have theirs after it", async () => {
    const begun = performance.now();
    await expect(rejection(`${bad.origin}/stall`, { limits: { milliseconds: 300 } })).resolves.toBe("too-large");
    expect(performance.now() - begun).toBeLessThan(10_000);
    const found = await page.evaluate(
      async ([stall, image]) => {
        const limits = { milliseconds: 1500 };
        const code = ({ code: kind }: { code?: string }): string => String(kind);
        const calls = [stall, stall, stall, stall, image].map((address) => lib.loadImage(address, { limits }).then(() => "an image", code));
        return Promise.all(calls);
      },
      [`${bad.origin}/stall`, "/pictures/01.png"] as const,
    );
    expect(found).toEqual(["too-large", "too-large", "too-large", "too-large", "an image"]);
  });

  it("I10 an abort ends an image that waits for its turn", async () => {
    const found = await page.evaluate(async (stall) => {
      const controller = new AbortController();
      const { signal } = controller;
      const calls = Array.from({ length: 6 }, () => lib.loadImage(stall, { signal }).catch((error: unknown) => error));
      setTimeout(() => controller.abort("enough"), 100);
      return Promise.all(calls);
    }, `${bad.origin}/stall`);
    expect(found).toEqual(Array.from({ length: 6 }, () => "enough"));
  });

  it.each([true, false])("limits and autoOrient of a model reach its decoder (worker: %s)", async (worker) => {
    const found = await page.evaluate(
      async ([inWorker, endless]) => {
        const load = async (options: object): Promise<InstanceType<typeof lib.ChineseCLIP>> =>
          lib.ChineseCLIP.fromPretrained("/demo/", { wasmPaths: "/ort/", device: "wasm", worker: inWorker, ...options });
        const code = (error: unknown): string => `${error instanceof lib.ImageError} ${(error as { code?: string }).code}`;
        const small = await load({ limits: { pixels: 100, encodedBytes: 1 << 20 } });
        const pixels = await small.embedImage("/pictures/01.png").then(() => "an embedding", code);
        const bytes = await small.embedImage(endless).then(() => "an embedding", code);
        await small.dispose();
        const rotated = "/fixtures/images/exif6.jpg";
        const [plain, turned] = [await load({}), await load({ autoOrient: true })];
        const upright = await lib.loadImage(rotated, { autoOrient: true });
        const [a, b, c] = [await plain.embedImage(rotated), await turned.embedImage(rotated), await plain.embedImage(upright)];
        await Promise.all([plain.dispose(), turned.dispose()]);
        return { pixels, bytes, other: lib.cosine(a.data, b.data), same: lib.cosine(b.data, c.data) };
      },
      [worker, `${bad.origin}/endless`] as const,
    );
    expect(found).toMatchObject({ pixels: "true too-large", bytes: "true too-large" });
    expect(found.same).toBeGreaterThan(0.99999);
    expect(found.other).toBeLessThan(0.9999);
  });

  it("options and limits that a browser does not have are rejected by name", async () => {
    const found = await page.evaluate(async () => {
      const options = [
        { limits: { memory: 1e6 } },
        { cacheDir: "/tmp" },
        { lowMemory: true },
        { spin: false },
        { allowPrivateAddresses: false },
      ];
      const messages: string[] = [];
      for (const given of [...options, { limits: { pixels: 0 } }]) {
        await lib.ChineseCLIP.fromPretrained("/demo/", given as object).catch((error: Error) =>
          messages.push(`${error.name}: ${error.message}`),
        );
      }
      await lib.loadImage("/pictures/01.png", { limits: { fileBytes: 1 } as object }).catch((error: Error) => messages.push(error.message));
      return messages;
    });
    expect(found).toEqual([
      expect.stringMatching(/^TypeError: limits: .*got memory$/u),
      expect.stringMatching(/^TypeError: .*cacheDir/u),
      expect.stringMatching(/^TypeError: .*lowMemory/u),
      expect.stringMatching(/^TypeError: .*spin/u),
      expect.stringMatching(/^TypeError: .*allowPrivateAddresses/u),
      expect.stringMatching(/^RangeError: .*maxPixels/u),
      expect.stringMatching(/got fileBytes$/u),
    ]);
  });

  it("C2 streams, responses, bare base64 and what is no image are rejected by name, in short messages", async () => {
    const found = await page.evaluate(async () => {
      const response = (): Promise<Response> => fetch("/pictures/01.png");
      const inputs: unknown[] = [
        await response(),
        (await response()).body,
        "A".repeat(8 << 20),
        "http://[",
        null,
        undefined,
        7,
        Promise.resolve(),
      ];
      const messages: string[] = [];
      for (const input of inputs) {
        await lib.loadImage(input as string).then(
          () => messages.push("an image"),
          (error: Error) => messages.push(`${error.name}: ${error.message}`),
        );
      }
      const base64 = await lib.loadImage(
        `data:image/png;base64,${btoa(String.fromCodePoint(...new Uint8Array(await (await response()).arrayBuffer())))}`,
      );
      return { messages, width: base64.width };
    });
    expect(found.width).toBeGreaterThan(0);
    for (const message of found.messages) {
      expect(message).toMatch(/^TypeError: loadImage: expected /u);
      expect(message.length).toBeLessThan(320);
    }
    expect(found.messages[0]).toMatch(/class Response; give its bytes/u);
    expect(found.messages[1]).toMatch(/class ReadableStream; give its bytes/u);
    expect(found.messages[2]).toMatch(/base64 goes into a data: URL/u);
  });

  it("B2 what an iframe made is recognised: images, and a model's address and files", async () => {
    const found = await page.evaluate(async () => {
      const frame = document.createElement("iframe");
      document.body.append(frame);
      const realm = frame.contentWindow as unknown as typeof globalThis;
      const url = "/pictures/01.png";
      const bytes = await (await fetch(url)).arrayBuffer();
      const foreign = new realm.Uint8Array(new realm.ArrayBuffer(bytes.byteLength));
      foreign.set(new Uint8Array(bytes));
      const element = new realm.Image();
      element.src = new URL(url, location.href).href;
      const canvas = frame.contentDocument?.createElement("canvas") as HTMLCanvasElement;
      const inputs = {
        url: new realm.URL(url, location.href),
        blob: new realm.Blob([bytes]),
        file: new realm.File([bytes], "a.png"),
        array: foreign,
        buffer: foreign.buffer,
        bitmap: await realm.createImageBitmap(new Blob([bytes])),
        imageData: new realm.ImageData(8, 8),
        element,
        canvas,
      };
      const failed: string[] = [];
      for (const worker of [true, false]) {
        const clip = await lib.ChineseCLIP.fromPretrained(new realm.URL("/demo/", location.href), {
          wasmPaths: "/ort/",
          device: "wasm",
          worker,
        });
        for (const [name, input] of Object.entries(inputs)) {
          await lib.loadImage(input).catch(({ message }: Error) => failed.push(`${name}: ${message}`));
          await clip.embedImage(input).catch(({ message }: Error) => failed.push(`${name}, worker ${worker}: ${message}`));
        }
        await clip.dispose();
      }
      const files: Record<string, Blob> = {};
      for (const name of ["config.json", "vocab.txt", "preprocessor_config.json", "model.safetensors"]) {
        files[name] = new realm.Blob([await (await fetch(`/demo/${name}`)).arrayBuffer()]);
      }
      const processor = await lib.ChineseCLIPProcessor.fromPretrained(new lib.PickedFiles(files));
      return {
        failed,
        size: processor.imageProcessor.preprocess({ data: new Uint8Array(3), width: 1, height: 1, channels: 3 }).pixelValues.dims,
      };
    });
    expect(found.failed).toEqual([]);
    expect(found.size).toHaveLength(4);
  });
});
