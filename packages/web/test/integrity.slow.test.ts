/** Files that are not what a manifest or a hub says they are: refused in a page, and not kept. */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { exportWeb } from "@chinese-clip/node";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { chromiumPath, startBrowser, ModelServer } from "@chinese-clip/browser";
import { openPage } from "./lib-page.js";

const DEMO = fileURLToPath(new URL("../../../examples/demo-checkpoint/", import.meta.url));
const TEXT_TOWER = "text.fp16.safetensors";
const COMMIT = "c0ffee0000000000000000000000000000000000";

/** What a page says of a load and of a text's embedding: how it ended, and how many entries of a file are kept. */
interface Outcome {
  readonly message: string;
  readonly details: Record<string, unknown>;
  readonly kept: number;
}

describe.skipIf(chromiumPath === undefined)("a file's hash", () => {
  let browser: Browser;
  let folder: string;
  let server: ModelServer;
  let page: Page;
  beforeAll(async () => {
    browser = await startBrowser();
    folder = await mkdtemp(join(tmpdir(), "chinese-clip-integrity-"));
    await exportWeb(DEMO, join(folder, "exported"), { dtypes: ["fp16"] });
    // A hub: its list of files, and the files.
    const siblings = await Promise.all(
      ["config.json", "preprocessor_config.json", "vocab.txt", "model.safetensors"].map(async (rfilename) => {
        const bytes = await readFile(join(DEMO, rfilename));
        const sha256 = createHash("sha256").update(bytes).digest("hex");
        return { rfilename, size: bytes.length, ...(rfilename.endsWith(".safetensors") ? { lfs: { sha256, size: bytes.length } } : {}) };
      }),
    );
    const api = join(folder, "api", "models", "owner", "clip", "revision");
    await mkdir(api, { recursive: true });
    await writeFile(join(api, "main"), JSON.stringify({ sha: COMMIT, siblings }));
    const folders = {
      "/exported/": join(folder, "exported"),
      "/replaced/": join(folder, "replaced"),
      "/api/": join(folder, "api"),
      [`/owner/clip/resolve/${COMMIT}/`]: DEMO,
      "/mirror/clip/resolve/main/": DEMO,
    };
    server = await ModelServer.start({ folders });
    page = await openPage(browser, server.origin);
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
    await rm(folder, { recursive: true });
  });
  beforeEach(async () => {
    // One page for all, in whose own thread ONNX Runtime is loaded once: a load of a model knows nothing of the one before but what is kept.
    await page.evaluate(() => lib.clearCache());
    server.reset();
  });

  /** Loads a model and embeds what is asked for. */
  const embed = (source: string, file: string, options: Record<string, unknown> = {}, pictures = false): Promise<Outcome> =>
    page.evaluate(
      async ([from, name, given, withPictures]) => {
        const load = async (): Promise<string> => {
          const model = await lib.ChineseCLIPModel.fromPretrained(from, {
            wasmPaths: "/ort/",
            device: "wasm",
            worker: false,
            ...given,
          });
          try {
            const ids = BigInt64Array.of(101n, 102n);
            await model.getTextFeatures({ inputIds: new lib.Tensor("int64", ids, [1, 2]) });
            if (withPictures) {
              const size = model.config.visionConfig.imageSize;
              await model.getImageFeatures({
                pixelValues: new lib.Tensor("float32", new Float32Array(3 * size * size), [1, 3, size, size]),
              });
            }
            return "worked";
          } finally {
            await model.dispose();
          }
        };
        const [message, details] = await load().then(
          (worked) => [worked, {}] as const,
          (error: unknown) => {
            const { code, details: found = {} } = error as { code?: string; details?: Record<string, unknown> };
            return [`${code}: ${String(error)}`, found] as const;
          },
        );
        let kept = 0;
        for (const cache of await caches.keys()) {
          kept += (await (await caches.open(cache)).keys()).filter(({ url }) => url.includes(encodeURIComponent(`/${name}`))).length;
        }
        return { message, details, kept };
      },
      [source, file, options, pictures] as const,
    );

  const sha256Of = async (path: string): Promise<string> =>
    createHash("sha256")
      .update(await readFile(path))
      .digest("hex");

  it.each([
    ["in its header", 40],
    ["in its weights", 400_000],
    ["in its last byte", -1],
  ])("is the manifest's: a tower damaged %s is refused, and none of it kept", async (_, at) => {
    const path = join(folder, "exported", TEXT_TOWER);
    const { size } = await stat(path);
    server.corrupt = { path: TEXT_TOWER, at: (at + size) % size };
    const damaged = await embed("/exported", TEXT_TOWER, { dtype: "fp16" });
    expect(damaged.message).toMatch(
      /integrity: HubError: .*text\.fp16\.safetensors: expected the sha256 [0-9a-f]{64}, got [0-9a-f]{64}: /u,
    );
    expect(damaged.details).toMatchObject({ url: `${server.origin}/exported/${TEXT_TOWER}`, expected: await sha256Of(path) });
    expect(damaged.details["actual"]).not.toBe(damaged.details["expected"]);
    expect(damaged.kept).toBe(0);
    server.corrupt = undefined;
    expect((await embed("/exported", TEXT_TOWER, { dtype: "fp16" })).message).toBe("worked");
  });

  it("is compared where nothing is kept, and where the server knows no ranges", async () => {
    server.corrupt = { path: TEXT_TOWER, at: 400_000 };
    expect((await embed("/exported", TEXT_TOWER, { dtype: "fp16", cache: false })).message).toMatch(/^integrity: /u);
    server.ranges = false;
    expect(await embed("/exported", TEXT_TOWER, { dtype: "fp16" })).toMatchObject({ kept: 0, message: expect.stringMatching(/sha256/u) });
    server.corrupt = undefined;
    expect((await embed("/exported", TEXT_TOWER, { dtype: "fp16", cache: false })).message).toBe("worked");
    expect((await embed("/exported", TEXT_TOWER, { dtype: "fp16" })).message).toBe("worked");
  });

  it("is compared once: what passed is not fetched again", async () => {
    const first = await embed("/exported", TEXT_TOWER, { dtype: "fp16" });
    expect(first).toMatchObject({ message: "worked" });
    expect(first.kept).toBeGreaterThan(1);
    const sent = server.sent("/exported/");
    expect(sent.bytes).toBeGreaterThan((await stat(join(folder, "exported", TEXT_TOWER))).size);
    server.refuse = /^\/exported\//u;
    expect((await embed("/exported", TEXT_TOWER, { dtype: "fp16" })).message).toBe("worked");
    expect(server.sent("/exported/")).toEqual(sent);
  });

  it.each([
    ["before", 200_000, /^integrity: /u],
    ["behind", 600_000, /^integrity: /u],
    ["nowhere near", undefined, /^worked$/u],
  ])("is compared of a download that was taken up where it broke; damaged %s the break", async (_, at, expected) => {
    server.corrupt = at === undefined ? undefined : { path: TEXT_TOWER, at };
    server.cut = { path: TEXT_TOWER, after: 400_000, times: 1 };
    server.refuseAfterCut = true;
    server.refuseStatus = 403; // which is not tried again and again
    const cut = await embed("/exported", TEXT_TOWER, { dtype: "fp16" });
    expect(cut.message).toMatch(/^unauthorized: /u);
    expect(cut.kept).toBeGreaterThan(1);
    server.refuse = undefined;
    const resumed = await embed("/exported", TEXT_TOWER, { dtype: "fp16" });
    expect(resumed.message).toMatch(expected);
    if (at !== undefined) expect(resumed.kept).toBe(0);
  });

  it("is compared again where a part was thrown away by the browser", async () => {
    await embed("/exported", TEXT_TOWER, { dtype: "fp16" });
    const evicted = await page.evaluate(async () => {
      const cache = await caches.open((await caches.keys())[0] ?? "");
      const keys = (await cache.keys()).filter(({ url }) => /text\.fp16\.safetensors\?(?!0-)\d+-\d+$/u.test(url));
      return Promise.all(keys.map((key) => cache.delete(key)));
    });
    expect(evicted.length).toBeGreaterThan(0);
    server.corrupt = { path: TEXT_TOWER, at: 400_000 };
    expect(await embed("/exported", TEXT_TOWER, { dtype: "fp16" })).toMatchObject({
      kept: 0,
      message: expect.stringMatching(/^integrity: /u),
    });
  });

  it("of a small file is compared too", async () => {
    server.corrupt = { path: "/config.json", at: 3 };
    expect(await embed("/exported", "config.json", { dtype: "fp16" })).toMatchObject({
      kept: 0,
      message: expect.stringMatching(/^integrity: .*config\.json: expected the sha256/u),
    });
    server.corrupt = undefined;
    expect((await embed("/exported", TEXT_TOWER, { dtype: "fp16" })).message).toBe("worked");
  });

  it("follows a folder that is exported anew: the load that notices fails, the next one takes the new files", async () => {
    const replaced = join(folder, "replaced");
    await exportWeb(DEMO, replaced, { dtypes: ["fp16"] });
    expect((await embed("/replaced", TEXT_TOWER, { dtype: "fp16" })).message).toBe("worked");
    const tower = await readFile(join(replaced, "vision.fp16.safetensors"));
    tower[tower.length - 1] = (tower.at(-1) ?? 0) ^ 1;
    await writeFile(join(replaced, "vision.fp16.safetensors"), tower);
    const manifest = JSON.parse(await readFile(join(replaced, "chinese-clip.json"), "utf8")) as {
      files: { name: string; sha256: string }[];
    };
    for (const file of manifest.files) if (file.name.startsWith("vision")) file.sha256 = createHash("sha256").update(tower).digest("hex");
    await writeFile(join(replaced, "chinese-clip.json"), JSON.stringify(manifest));
    expect((await embed("/replaced", "vision.fp16.safetensors", { dtype: "fp16" }, true)).message).toMatch(/^integrity: /u);
    expect((await embed("/replaced", "vision.fp16.safetensors", { dtype: "fp16" }, true)).message).toBe("worked");
  });

  it("is a hub's: of a checkpoint when both towers are there, since a part of a file has none", async () => {
    const options = { endpoint: server.origin };
    const { size } = await stat(join(DEMO, "model.safetensors"));
    server.corrupt = { path: "model.safetensors", at: size - 1 };
    const damaged = await embed("owner/clip", "model.safetensors", options, true);
    expect(damaged).toMatchObject({ kept: 0, message: expect.stringMatching(/^integrity: .*model\.safetensors: expected the sha256/u) });
    expect(damaged.details["expected"]).toBe(await sha256Of(join(DEMO, "model.safetensors")));
    // One tower is all that is wanted: the damage lies elsewhere, or is not noticed.
    expect((await embed("owner/clip", "model.safetensors", options)).message).toBe("worked");
    expect(server.sent(`/owner/clip/resolve/${COMMIT}/model.safetensors`).bytes).toBeLessThan(1.8 * size);
  });

  it("is a hub's: a good checkpoint passes", async () => {
    const good = await embed("owner/clip", "model.safetensors", { endpoint: server.origin }, true);
    expect(good.message).toBe("worked");
    expect(good.kept).toBeGreaterThan(1);
  });

  it("is in the header of a mirror without the hub's API", async () => {
    const sha256 = await sha256Of(join(DEMO, "model.safetensors"));
    server.headers = { "model.safetensors": { "X-Linked-ETag": `"${sha256}"` } };
    const options = { endpoint: server.origin };
    server.corrupt = { path: "model.safetensors", at: 400_000 };
    expect(await embed("mirror/clip", "model.safetensors", options, true)).toMatchObject({
      kept: 0,
      message: expect.stringMatching(/^integrity: /u),
      details: { expected: sha256 },
    });
    server.corrupt = undefined;
    expect((await embed("mirror/clip", "model.safetensors", options, true)).message).toBe("worked");
  });

  it("says nothing of another size than the hub's: that is refused at once", async () => {
    const listing = join(folder, "api", "models", "owner", "clip", "revision", "other");
    const siblings = [{ rfilename: "config.json", size: 7 }, { rfilename: "model.safetensors" }];
    await writeFile(listing, JSON.stringify({ sha: COMMIT, siblings }));
    const { message } = await embed("owner/clip", "config.json", { endpoint: server.origin, revision: "other" });
    expect(message).toMatch(/^integrity: .*config\.json: expected 7 bytes, got \d+: /u);
  });

  it.each([
    ["modelscope:owner/clip", /^undefined: RangeError: .*modelscope:owner\/clip.*CORS.*exportWeb/u],
    ["owner--clip", /^undefined: RangeError: fromPretrained: expected an address, a hub's id/u],
  ])("is asked of no hub about %s", async (source, expected) => {
    expect((await embed(source, "config.json", { endpoint: server.origin })).message).toMatch(expected);
    expect(server.answers).toEqual([]);
  });
});
