/** `verify` with the demo checkpoint under the published name: the comparison has to fail. */
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { HubServer } from "../../../node/test/hub/hub-server.js";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { DEMO, type Ended, runCli } from "./run-cli.js";

const MODEL = "OFA-Sys/chinese-clip-vit-base-patch16";
const IMAGES = fileURLToPath(new URL("../../../../examples/pictures/", import.meta.url));
const image = join(IMAGES, "01.png");
const { path } = scratchFolder();
let server: HubServer;

const verify = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  runCli(["verify", ...args], {
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
  const { code, stdout, stderr } = await verify(["--image", image]);
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
  expect(stderr).toContain(`error: ${url}: the image cannot be read (`);
  expect(stderr).toContain("give a local copy of it with --image");
  expect(stderr).not.toMatch(/^\s+at /m);
  const zh = await verify(["--image", url], { LC_ALL: "zh_CN.UTF-8" });
  expect([zh.code, zh.stderr]).toEqual([1, expect.stringContaining("请用 --image 给出图片的本地副本")]);
  const offline = await verify(["--offline"]);
  expect([offline.code, offline.stderr]).toEqual([2, expect.stringContaining("give a local copy of the image with --image")]);
  const two = await verify(["a", "b"]);
  expect([two.code, two.stderr]).toEqual([2, expect.stringContaining("got also b")]);
  expect(server.requests.length).toBe(before);
});
