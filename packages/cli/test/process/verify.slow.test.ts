/** `verify` with the demo checkpoint under the published name: the comparison has to fail. */
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { HubServer } from "../../../node/test/hub/hub-server.js";
import { verifyExample } from "../../src/commands/verify.js";
import { DEMO, type Ended, runCli, spawnCli } from "./run-cli.js";

const MODEL = "OFA-Sys/chinese-clip-vit-base-patch16";
const IMAGES = fileURLToPath(new URL("../../../../examples/pictures/", import.meta.url));
const image = join(IMAGES, "01.png");
const { path } = scratchFolder();
let server: HubServer;

const verify = (args: readonly string[], env: Readonly<Record<string, string>> = {}, run = runCli): Promise<Ended> =>
  run(["verify", ...args], {
    HF_HUB_CACHE: path("cache"),
    HF_ENDPOINT: server.endpoint,
    HF_HUB_OFFLINE: "",
    HF_TOKEN: "",
    NO_PROXY: "*",
    CHINESE_CLIP_MODEL: "",
    ...env,
  });

beforeAll(async () => {
  server = await HubServer.start();
  const names = ["config.json", "preprocessor_config.json", "tokenizer_config.json", "vocab.txt", "model.safetensors"];
  server.repos.set(MODEL, { commit: "b".repeat(40), files: new Map(names.map((name) => [name, readFileSync(join(DEMO, name))])) });
});
afterAll(async () => {
  await server.close();
});

it("compares the default model of the hub with the published values, which the demo checkpoint does not have", async () => {
  const { code, stdout, stderr } = await verify(["--image", image], {}, spawnCli);
  expect([code, stderr]).toEqual([1, expect.not.stringContaining("error")]);
  const lines = stdout.split("\n");
  expect(lines[0]?.trim().split(/ +/)).toEqual(["label", "here", "published", "difference"]);
  for (const [i, [label, published]] of [
    ["杰尼龟", "0.001269"],
    ["妙蛙种子", "0.054499"],
    ["小火龙", "0.000680"],
    ["皮卡丘", "0.943550"],
  ].entries()) {
    expect(lines[i + 1]?.split(/ +/)).toEqual([
      label,
      expect.stringMatching(/^[01]\.\d{6}$/),
      published,
      expect.stringMatching(/^-?[01]\.\d{6}$/),
    ]);
  }
  expect(stdout).toContain("failed: a difference is above 0.001");
  expect(server.gets("model.safetensors").length).toBeGreaterThan(0);

  const zh = await verify(["--image", image, "--offline", "--dtype", "q8"], { LC_ALL: "zh_CN.UTF-8" });
  expect([zh.code, zh.stdout]).toEqual([1, expect.stringContaining("未通过：有的差超过 0.005")]);
});

describe("an example of the demo checkpoint, whose probabilities transformers computed", () => {
  const file = readFileSync(join(DEMO, "expected.safetensors"));
  const headerEnd = 8 + Number(file.readBigUInt64LE());
  const { __metadata__: metadata, logits_per_image: logits } = JSON.parse(file.toString("utf8", 8, headerEnd)) as {
    __metadata__: { texts: string; pictures: string };
    logits_per_image: { shape: [number, number]; data_offsets: [number, number] };
  };
  const texts = JSON.parse(metadata.texts) as string[];
  const pictures = JSON.parse(metadata.pictures) as string[];
  const ROW = pictures.findIndex((name) => name.endsWith("01.png"));
  const COLUMNS = [0, 7, 13, 22];
  const values = COLUMNS.map((column) => file.readFloatLE(headerEnd + logits.data_offsets[0] + 4 * (ROW * logits.shape[1] + column)));
  const powers = values.map((value) => Math.exp(value - Math.max(...values)));
  const sum = powers.reduce((a, b) => a + b);
  const labels = COLUMNS.map((column) => texts[column] ?? "");

  const run = async (dtype: string, shift: number): Promise<{ code: number; printed: string }> => {
    const printed: string[] = [];
    const print = (text: string): void => void printed.push(text);
    const probabilities = labels.map((label, i) => [label, powers[i]! / sum + (i === 0 ? shift : 0)] as const);
    const code = await verifyExample(
      { dtype, endpoint: server.endpoint, "cache-dir": path("cache"), image },
      { language: "en", json: false, print, note: print, signal: new AbortController().signal },
      [],
      { model: MODEL, image: "https://example.com/01.png", probabilities },
    );
    return { code, printed: printed.join("\n") };
  };

  it.each([
    ["fp32", 0.001],
    ["fp16", 0.005],
    ["q8", 0.005],
  ])("passes in %s, and fails where the published value is another", async (dtype, bound) => {
    expect(labels.every((label) => label !== "")).toBe(true);
    expect(Math.max(...powers) / sum).toBeGreaterThan(0.5); // such that a shift of one is one
    expect(await run(dtype, 0)).toEqual({ code: 0, printed: expect.stringContaining(`passed: no difference is above ${bound}`) as string });
    const failed = await run(dtype, 2.5 * bound);
    expect(failed).toEqual({ code: 1, printed: expect.stringContaining(`failed: a difference is above ${bound}`) as string });
    expect(failed.printed).toContain("the published values are of the image https://example.com/01.png");
  });
});

it("prints the same for programs, and takes the image from an address", async () => {
  const images = createServer((_, response) => response.end(readFileSync(image))).listen(0, "127.0.0.1");
  await once(images, "listening");
  try {
    const url = `http://127.0.0.1:${(images.address() as AddressInfo).port}/pokemon.png`;
    const { code, stdout } = await verify([MODEL, "--image", url, "--json"]);
    const result = JSON.parse(stdout) as { labels: { probability: number; published: number; difference: number }[] };
    expect([code, result]).toEqual([1, expect.objectContaining({ model: MODEL, image: url, dtype: "fp32", bound: 1e-3, passed: false })]);
    expect(result.labels.map(({ published }) => published)).toEqual([1.2686e-3, 5.4499e-2, 6.7968e-4, 9.4355e-1]);
    expect(result.labels.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 6);
    for (const { probability, published, difference } of result.labels) expect(difference).toBe(probability - published);
  } finally {
    images.close();
  }
});

it("judges no other model", async () => {
  const { code, stdout } = await verify([DEMO, "--image", image]);
  expect([code, stdout]).toEqual([0, expect.stringContaining(`no value is published for this model, only for ${MODEL}`)]);
  expect(stdout).not.toContain("difference");
  const json = await verify([DEMO, "--image", image, "--json"]);
  expect([json.code, JSON.parse(json.stdout)]).toEqual([0, expect.objectContaining({ model: DEMO, passed: null })]);
});

it("says what to do where the image cannot be fetched, before it fetches a model", async () => {
  const before = server.requests.length;
  const url = "http://127.0.0.1:9/pokemon.jpeg";
  const { code, stdout, stderr } = await verify(["--image", url]);
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr.startsWith(`error: ${url}: cannot be read (`)).toBe(true);
  expect(stderr.split(url)).toHaveLength(2); // named once
  expect(stderr).toContain("give a local copy of the image with --image");
  expect(stderr).not.toMatch(/^\s+at /m);
  const zh = await verify(["--image", url], { LC_ALL: "zh_CN.UTF-8" });
  expect([zh.code, zh.stderr]).toEqual([1, expect.stringContaining("请用 --image 给出图片的本地副本")]);
  const offline = await verify(["--offline"]);
  expect([offline.code, offline.stderr]).toEqual([2, expect.stringContaining("give a local copy of the image with --image")]);
  const two = await verify(["a", "b"]);
  expect([two.code, two.stderr]).toEqual([2, expect.stringContaining("got also b")]);
  expect(server.requests.length).toBe(before);
});
