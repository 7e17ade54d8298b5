/** `variant` and `subfolder`: which of a folder's weights, and which of its folders. */
import { cp, mkdtemp, mkdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumPath, ModelServer, startBrowser } from "@chinese-clip/browser";
import { openPage } from "./lib-page.js";

const TINY = fileURLToPath(new URL("../../../fixtures/tiny-vit", import.meta.url));

describe.skipIf(chromiumPath === undefined)("A folder with several models", () => {
  let folder: string;
  let server: ModelServer;
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "chinese-clip-variants-"));
    const checkpoint = join(folder, "checkpoint-500");
    await mkdir(checkpoint);
    await cp(TINY, checkpoint, { recursive: true });
    await rename(join(checkpoint, "model.safetensors"), join(checkpoint, "model.ema.safetensors"));
    [server, browser] = await Promise.all([ModelServer.start({ folders: { "/several/": folder } }), startBrowser()]);
    page = await openPage(browser, server.origin);
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** The first features of a text, or the error. */
  const featuresOf = (source: string, options: { readonly variant?: string; readonly subfolder?: string }): Promise<number[] | string> =>
    page.evaluate(
      async ([from, given]) => {
        try {
          const model = await lib.ChineseCLIPModel.fromPretrained(from, { wasmPaths: "/ort/", device: "wasm", worker: false, ...given });
          const inputIds = new lib.Tensor("int64", new BigInt64Array(4).fill(5n), [1, 4]);
          const { data } = await model.getTextFeatures({ inputIds });
          await model.dispose();
          return Array.from(data as Float32Array).slice(0, 4);
        } catch (error) {
          return `${(error as { code?: string }).code}: ${(error as Error).message}`;
        }
      },
      [source, options] as const,
    );

  it("gives the weights that are asked for, and names those that there are not", async () => {
    const expected = await featuresOf("/fixtures/tiny-vit", {});
    expect(expected).toHaveLength(4);
    await expect(featuresOf("/several/", { subfolder: "checkpoint-500", variant: "ema" })).resolves.toEqual(expected);
    await expect(featuresOf("/several/checkpoint-500/", { variant: "ema" })).resolves.toEqual(expected);
    await expect(featuresOf("/several/", { subfolder: "checkpoint-500", variant: "other" })).resolves.toMatch(/^missing-file: .*other/su);
    await expect(featuresOf("/several/", { variant: "ema" })).resolves.toMatch(/^missing-file: /u);
    await expect(featuresOf("/several/", { subfolder: "../fixtures/tiny-vit" })).resolves.toMatch(/subfolder/u);
  });

  it("of picked files has to be picked itself", async () => {
    const message = await page.evaluate(() =>
      lib.ChineseCLIPProcessor.fromPretrained(new lib.PickedFiles({ "config.json": new Blob(["{}"]) }), {
        subfolder: "checkpoint-500",
      }).then(
        () => "a processor",
        (error: Error) => `${error.name}: ${error.message}`,
      ),
    );
    expect(message).toMatch(/^RangeError: fromPretrained: .*subfolder/u);
  });
});
