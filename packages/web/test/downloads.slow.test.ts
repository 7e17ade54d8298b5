/** Which bytes a page asks for, by the server's count: only those that it needs, and none of them twice. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { chromiumPath, startBrowser, ModelServer } from "@chinese-clip/browser";
import { loadPage, openPage } from "./lib-page.js";

const WEIGHTS = new URL("../../../examples/demo-checkpoint/model.safetensors", import.meta.url);

/** Bytes of an answer before its connection breaks. */
const CUT_AFTER = 700_000;

/** Bytes of one tower's tensors in the demo checkpoint. */
async function towerBytes(pattern: RegExp): Promise<number> {
  const bytes = await readFile(WEIGHTS);
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + Number(bytes.readBigUInt64LE(0)))) as Record<
    string,
    { data_offsets?: [number, number] }
  >;
  return Object.entries(header)
    .filter(([name]) => pattern.test(name))
    .reduce((sum, [, { data_offsets: [start, end] = [0, 0] }]) => sum + end - start, 0);
}

/** Embeds a text in a page, in its own thread: the sum of its embedding, or the error's code. */
function embedText(page: Page, source = "/demo", options: Record<string, unknown> = {}): Promise<number | string> {
  return page.evaluate(
    async ([from, given]) => {
      try {
        const clip = await lib.ChineseCLIP.fromPretrained(from, { wasmPaths: "/ort/", device: "wasm", worker: false, ...given });
        const { data } = await clip.embedText("红色的汽车").finally(() => void clip.dispose());
        return data.reduce((sum, value) => sum + value, 0);
      } catch (error) {
        const { code, message } = error as { code?: string; message: string };
        return code === undefined ? message : `${code}: ${message}`;
      }
    },
    [source, options] as const,
  );
}

describe.skipIf(chromiumPath === undefined)("downloads", () => {
  let browser: Browser;
  let server: ModelServer;
  let context: BrowserContext;
  let page: Page;
  let expected: number | string;
  beforeAll(async () => {
    [server, browser] = await Promise.all([ModelServer.start(), startBrowser()]);
    context = await browser.newContext();
    page = await openPage(context, server.origin);
    expected = await embedText(page);
    expect(expected).toBeTypeOf("number");
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
  });
  // One page for all: a load of a model knows nothing of the one before but what is kept, and ONNX Runtime, in the page's own thread, is there.
  beforeEach(async () => {
    await page.evaluate(async () => {
      for (const name of await caches.keys()) await caches.delete(name);
    });
    server.reset();
  });

  /** No request begins before the last one; what was on its way when a connection broke is all that is sent twice. */
  const expectResumed = (whole: number, cuts: number): void => {
    const starts = server.answers
      .filter(({ path, status }) => path.endsWith("model.safetensors") && status === 206)
      .map(({ range }) => Number(/\d+/u.exec(range ?? "")?.[0]));
    expect(starts.length).toBeGreaterThanOrEqual(2 + cuts);
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    expect(server.sent("/demo/").bytes).toBeLessThan(1.02 * whole + cuts * CUT_AFTER);
  };

  it("text only takes less than 1.02 times the text tower; a reload takes nothing, and works without the server", async () => {
    expect(await embedText(page)).toBe(expected);
    const first = server.sent("/demo/");
    expect(first.bytes).toBeLessThan(1.02 * (await towerBytes(/^text/u)));
    await loadPage(page, server.origin);
    expect(await embedText(page)).toBe(expected);
    expect(server.sent("/demo/")).toEqual(first);
    // The page's own files are its service worker's business; the model is there without a network.
    server.refuse = /^\/demo\//u;
    await loadPage(page, server.origin);
    expect(await embedText(page)).toBe(expected);
    expect(server.sent("/demo/")).toEqual(first);
  });

  it("the other tower takes the other tower's bytes, and no more", async () => {
    await embedText(page);
    const before = server.sent("/demo/").bytes;
    const dims = await page.evaluate(async () => {
      const model = await lib.ChineseCLIPModel.fromPretrained("/demo", { wasmPaths: "/ort/", device: "wasm", worker: false });
      const size = model.config.visionConfig.imageSize;
      const pixelValues = new lib.Tensor("float32", new Float32Array(3 * size * size), [1, 3, size, size]);
      const { dims: found } = await model.getImageFeatures({ pixelValues });
      await model.dispose();
      return found;
    });
    expect(dims).toEqual([1, 128]);
    expect(server.sent("/demo/").bytes - before).toBeLessThan(1.02 * (await towerBytes(/^vis/u)));
  });

  it("a connection that breaks is taken up where it broke", async () => {
    const whole = await towerBytes(/^text/u);
    server.cut = { path: "model.safetensors", after: CUT_AFTER, times: 2 };
    expect(await embedText(page)).toBe(expected);
    expect(server.cut.times).toBe(0);
    expectResumed(whole, 2);
  });

  it("a load that failed goes on after a reload where it was", async () => {
    const whole = await towerBytes(/^text/u);
    server.cut = { path: "model.safetensors", after: CUT_AFTER, times: 1 };
    server.refuseAfterCut = true;
    expect(await embedText(page)).toMatch(/^network: .*downloaded parts are cached/u);
    server.refuse = undefined;
    await loadPage(page, server.origin);
    expect(await embedText(page)).toBe(expected);
    expectResumed(whole, 1);
  });

  it("two tabs that load at once download once", async () => {
    const other = await openPage(context, server.origin);
    expect(await Promise.all([embedText(page), embedText(other)])).toEqual([expected, expected]);
    await other.close();
    expect(server.sent("/demo/model.safetensors").bytes).toBeLessThan(1.02 * (await towerBytes(/^text/u)));
  });

  it("a server without ranges gives the whole file once, for both towers", async () => {
    server.ranges = false;
    expect(await embedText(page)).toBe(expected);
    expect(server.sent("/demo/model.safetensors")).toEqual({ bytes: (await readFile(WEIGHTS)).length, answers: 1 });
    await loadPage(page, server.origin);
    expect(await embedText(page)).toBe(expected);
    expect(server.sent("/demo/model.safetensors").answers).toBe(1);
  });

  it("nothing is kept where that is not wanted, and it works all the same", async () => {
    expect(await embedText(page, "/demo", { cache: false })).toBe(expected);
    expect(await page.evaluate(async () => (await caches.keys()).length)).toBe(0);
    server.ranges = false;
    expect(await embedText(page, "/demo", { cache: false })).toBe(expected);
  });

  it("clearCache forgets one model, or all", async () => {
    await embedText(page);
    const { answers } = server.sent("/demo/");
    expect(await page.evaluate(() => lib.clearCache("/fixtures/tiny-vit"))).toBe(0);
    expect(await page.evaluate(() => lib.clearCache("/demo"))).toBeGreaterThan(3);
    expect(await embedText(page)).toBe(expected);
    expect(server.sent("/demo/").answers).toBe(2 * answers);
    expect(await page.evaluate(() => lib.clearCache())).toBeGreaterThan(3);
  });

  it("a file that changed on the server is noticed, and not mixed with what is kept", async () => {
    await embedText(page);
    server.version = "another";
    const message = await page.evaluate(async () => {
      const model = await lib.ChineseCLIPModel.fromPretrained("/demo", { wasmPaths: "/ort/", device: "wasm", worker: false });
      const size = model.config.visionConfig.imageSize;
      const pixelValues = new lib.Tensor("float32", new Float32Array(3 * size * size), [1, 3, size, size]);
      return model
        .getImageFeatures({ pixelValues })
        .catch((error: unknown) => String(error))
        .finally(() => void model.dispose());
    });
    expect(message).toMatch(/has changed on the server/u);
    await loadPage(page, server.origin);
    expect(await embedText(page)).toBe(expected);
  });

  it("a full disk is an error that says what to do", async () => {
    const session = await context.newCDPSession(page);
    await session.send("Storage.overrideQuotaForOrigin", { origin: server.origin, quotaSize: 300_000 });
    expect(await embedText(page)).toMatch(/^disk: .*clearCache\(\).*cache: false/u);
    expect(await embedText(page, "/demo", { cache: false })).toBe(expected);
    await session.send("Storage.overrideQuotaForOrigin", { origin: server.origin });
  });

  it("a missing file is an error, and is looked for again once it may be there", async () => {
    expect(await embedText(page, "/nowhere")).toMatch(/^missing-file: /u);
    expect(await embedText(page, "/nowhere")).toMatch(/^missing-file: /u);
    const { answers } = server.sent("/nowhere/");
    expect(answers % 2).toBe(0);
    expect(answers).toBeGreaterThan(2);
  });

  it("one failed call has no part in the next", async () => {
    server.refuse = /model\.safetensors$/u;
    const failed = await page.evaluate(async () => {
      const clip = await lib.ChineseCLIP.fromPretrained("/demo", { wasmPaths: "/nowhere/", device: "wasm" }).catch(String);
      return typeof clip === "string" ? clip : "loaded";
    });
    expect(failed).toMatch(/HubError/u);
    server.refuse = undefined;
    const wrongWasm = await page.evaluate(async () => {
      const clip = await lib.ChineseCLIP.fromPretrained("/demo", { wasmPaths: "/nowhere/", device: "wasm" });
      return clip
        .embedText("月亮")
        .then(
          () => "worked",
          (error: unknown) => String(error),
        )
        .finally(() => void clip.dispose());
    });
    expect(wrongWasm).not.toBe("worked");
    expect(await embedText(page, "/demo", { worker: true })).toBe(expected);
    // Ended workers are reported a moment later.
    await expect.poll(() => page.workers().length).toBe(0);
  });

  it("files that the user picked are read in place: folder, lone weights file, bytes", async () => {
    await page.evaluate(() => {
      const input = document.createElement("input");
      Object.assign(input, { type: "file", webkitdirectory: true, id: "folder" });
      document.body.append(input);
    });
    await page.setInputFiles("#folder", fileURLToPath(new URL("../../../examples/demo-checkpoint", import.meta.url)));
    const sums = await page.evaluate(async () => {
      const { files } = document.querySelector<HTMLInputElement>("#folder") as HTMLInputElement;
      const named = Array.from(files ?? []);
      const bytes = Object.fromEntries(
        await Promise.all(
          named
            .filter(({ webkitRelativePath }) => /^[^/]+\/(?!expected)[^/]+$/u.test(webkitRelativePath))
            .map(async (file) => [file.name.replace("model.safetensors", "tuned.safetensors"), await file.arrayBuffer()] as const),
        ),
      );
      const results: number[] = [];
      for (const source of [new lib.PickedFiles(named), new lib.PickedFiles(bytes)]) {
        const clip = await lib.ChineseCLIP.fromPretrained(source, { wasmPaths: "/ort/", device: "wasm", worker: false });
        const { data } = await clip.embedText("红色的汽车");
        await clip.dispose();
        results.push(data.reduce((sum, value) => sum + value, 0));
      }
      return results;
    });
    expect(sums).toEqual([expected, expected]);
    expect(server.sent("/demo/").answers).toBe(0);
  });
});
