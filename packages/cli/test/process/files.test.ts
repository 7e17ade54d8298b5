/** `download`, `convert`, `export` and `export-web`. */
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ChineseCLIPModel, Tensor } from "@chinese-clip/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HubServer } from "../../../node/test/hub/hub-server.js";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { DEMO, type Ended, runCli, spawnCli } from "./run-cli.js";

const FIXTURES = fileURLToPath(new URL("../../../../fixtures/", import.meta.url));
const { path } = scratchFolder();
let server: HubServer;
beforeAll(async () => {
  server = await HubServer.start();
});
afterAll(async () => {
  await server.close();
});

describe("download", () => {
  const download = (args: readonly string[], env: Readonly<Record<string, string>> = {}, run = runCli): Promise<Ended> =>
    run(["download", ...args], {
      HF_HUB_CACHE: path("cache"),
      HF_ENDPOINT: server.endpoint,
      HF_HUB_OFFLINE: "",
      HF_TOKEN: "",
      NO_PROXY: "*",
      ...env,
    });

  it("fetches what is needed, once, and then the model is used without a network", async () => {
    const first = await download(["test/tiny-vit", "--json"], {}, spawnCli);
    expect([first.code, first.stderr]).toEqual([0, ""]);
    const result = JSON.parse(first.stdout) as { files: string[]; fetched: string[]; cache: string };
    expect(result.fetched.toSorted()).toEqual(["config.json", "model.safetensors", "preprocessor_config.json", "vocab.txt"]);
    expect(result.cache.startsWith(path("cache"))).toBe(true);
    const second = await download(["test/tiny-vit"]);
    expect(second.stdout).toMatch(/✓ model\.safetensors\n[\s\S]*all in the cache already; use it in any command: --model test\/tiny-vit\n/);
    const zh = await download(["test/tiny-vit", "--offline"], { LC_ALL: "zh_CN.UTF-8", HF_ENDPOINT: "http://127.0.0.1:1" });
    expect([zh.code, zh.stdout]).toEqual([0, expect.stringContaining("缓存中已齐全")]);
    const info = await runCli(["info", "test/tiny-vit", "--offline", "--json"], { HF_HUB_CACHE: path("cache") });
    expect(JSON.parse(info.stdout)).toMatchObject({ weightsHere: true, problems: [] });
  });

  it("has nothing to fetch of a folder", async () => {
    const { code, stderr } = await download([DEMO]);
    expect([code, stderr]).toEqual([0, `${DEMO} is on this machine already: nothing to fetch\n`]);
  });

  it("info of a model that is not in the cache fetches no weights", async () => {
    const before = server.gets("model.safetensors").length;
    const { code, stdout } = await runCli(["info", "test/tiny-vit"], {
      HF_HUB_CACHE: path("other"),
      HF_ENDPOINT: server.endpoint,
      NO_PROXY: "*",
    });
    expect(code).toBe(0);
    expect(stdout).toContain("not fetched; chinese-clip download test/tiny-vit does that");
    expect(stdout).toContain("no problems in what is here");
    expect(server.gets("model.safetensors").length).toBe(before);
  });

  it.each([
    [["test/no-such-model"], 1, "Check the model's name and the revision"],
    [["test/tiny-vit", "--revision", "v9"], 1, "v9"],
    [["test/tiny-vit", "--cache-dir", join(DEMO, "vocab.txt")], 1, "Set HF_HUB_CACHE or the cacheDir option"],
    [["someone/other", "--offline"], 1, "no request is allowed"],
    [["test/tiny-vit", "--endpoint", "mirror"], 2, "--endpoint: expected an address that begins with http:// or https://"],
    [[], 2, "expected a hub's name of a model"],
    [["test/tiny-vit", "--force"], 2, "Unknown option '--force'"],
  ])("%j: exit code %i", async (args, expected, message) => {
    const { code, stderr } = await download(args);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(code).toBe(expected);
  });
});

describe("convert", () => {
  it("writes a Hugging Face folder with the same features", async () => {
    const { code, stdout } = await spawnCli(["convert", "--model", join(FIXTURES, "tiny-ofa-vit"), "--output", path("hf"), "--json"]);
    expect(code).toBe(0);
    const { files } = JSON.parse(stdout) as { files: { file: string; bytes: number }[] };
    expect(files.map(({ file }) => file)).toContain(path("hf/model.safetensors"));
    expect(files.every(({ bytes }) => bytes > 0)).toBe(true);
    const ids = new Tensor("int64", BigInt64Array.from([101n, 5n, 6n, 102n]), [1, 4]);
    const [original, converted] = await Promise.all(
      [join(FIXTURES, "tiny-ofa-vit"), path("hf")].map(async (source) => {
        await using model = await ChineseCLIPModel.fromPretrained(source);
        return [...((await model.getTextFeatures({ inputIds: ids })).data as Float32Array)];
      }),
    );
    // Sums of unpacked weights come out in an order that depends on where in the file they lie.
    expect(converted).toHaveLength(40);
    for (const [i, value] of (converted ?? []).entries()) expect(value).toBeCloseTo(original?.[i] ?? Number.NaN, 5);
  });
});

describe("export", () => {
  it("writes towers as ONNX, and as a Triton repository", async () => {
    const plain = await spawnCli(["export", "--model", join(FIXTURES, "tiny-vit"), "--output", path("onnx"), "--external-data", "always"]);
    expect(plain.code).toBe(0);
    expect(readdirSync(path("onnx")).sort()).toEqual(["text.onnx", "text.onnx.data", "vision.onnx", "vision.onnx.data"]);
    expect(plain.stdout).toMatch(/^ *\d[\d.]* kB {2}.*text\.onnx\.data\n/);
    const triton = ["--tower", "vision", "--triton", "--max-batch", "8", "--normalize"];
    expect((await runCli(["export", "--model", join(FIXTURES, "tiny-vit"), "--output", path("triton"), ...triton])).code).toBe(0);
    expect(readdirSync(path("triton"), { recursive: true, encoding: "utf8" }).sort()).toEqual([
      "vision",
      "vision/1",
      "vision/1/model.onnx",
      "vision/config.pbtxt",
    ]);
  });
});

describe("export-web", () => {
  it("writes what is loaded in the formats that were asked for", async () => {
    const { code, stdout } = await spawnCli(["export-web", "--model", DEMO, "--output", path("web"), "--dtypes", "q8,fp16"]);
    expect(code).toBe(0);
    expect(stdout).toContain("chinese-clip.json");
    expect(readdirSync(path("web")).filter((name) => name.endsWith(".safetensors"))).toEqual(
      ["text.fp16", "text.q8", "vision.fp16", "vision.q8"].map((name) => `${name}.safetensors`),
    );
    await using model = await ChineseCLIPModel.fromPretrained(path("web"), { dtype: "q8" });
    expect(model.config.projectionDim).toBe(128);
  });

  it.each([
    [["--dtypes", "q8,q5"], "--dtypes: expected one of fp32, fp16, q8, q4, got q5"],
    [["--dtypes", ""], "--dtypes: expected a value, got an empty one"],
  ])("%j: exit code 2", async (args, message) => {
    const { code, stderr } = await runCli(["export-web", "--model", DEMO, "--output", path("no-web"), ...args]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
    expect(existsSync(path("no-web"))).toBe(false);
  });
});

describe("what can be neither converted nor exported leaves nothing behind", () => {
  const spoilt = path("spoilt");
  beforeAll(() => {
    mkdirSync(spoilt);
    cpSync(join(DEMO, "model.safetensors"), join(spoilt, "model.safetensors"));
    cpSync(join(FIXTURES, "tiny-vit/config.json"), join(spoilt, "config.json"));
    mkdirSync(path("empty"));
    writeFileSync(path("broken.pt"), "no checkpoint at all");
  });
  it.each(
    ["convert", "export", "export-web"].flatMap((command) => [
      [command, () => ["--model", "./no-such", "--output", path("none")], 1, "expected a folder with config.json and weights"] as const,
      [command, () => ["--model", path("empty"), "--output", path("none")], 1, "expected weights"] as const,
      [command, () => ["--model", path("broken.pt"), "--output", path("none")], 1, "broken.pt: "] as const,
      [command, () => ["--model", spoilt, "--output", path("none")], 1, "by the configuration, got"] as const,
      [command, () => ["--model", DEMO, "--output", join(path("broken.pt"), "x")], 1, "broken.pt"] as const,
      [command, () => ["--model", DEMO], 2, "--output is needed"] as const,
      [command, () => ["--output", path("none")], 2, "--model is needed"] as const,
      [command, () => ["--model", DEMO, "--output", path("none"), "--verbose"], 2, "Unknown option '--verbose'"] as const,
    ]),
  )("%s %s", async (command, args, expected, message) => {
    const { code, stdout, stderr } = await runCli([command, ...args()]);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect([code, stdout]).toEqual([expected, ""]);
    expect(existsSync(path("none"))).toBe(false);
  });

  it.each(["convert", "export-web"])("%s of an ONNX export says what to name instead", async (command) => {
    const { code, stdout, stderr } = await runCli([command, "--model", join(FIXTURES, "tiny-onnx"), "--output", path("none")]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("got ONNX graphs only (onnx/model.onnx)");
    expect(stderr).toContain("name the checkpoint that it was exported from");
    expect(existsSync(path("none"))).toBe(false);
  });

  it.each([
    [["--tower", "image"], "--tower: expected one of text, vision, both, got image"],
    [["--external-data", "yes"], "--external-data: expected one of auto, always, never, got yes"],
    [["--max-batch", "8"], "--max-batch is Triton's; give --triton too"],
    [["--triton", "--max-batch", "-1"], "max-batch"],
  ])("export %j: exit code 2", async (args, message) => {
    const { code, stderr } = await runCli(["export", "--model", DEMO, "--output", path("none"), ...args]);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  it.each(["download", "convert", "export", "export-web"])("%s --help", async (command) => {
    const { code, stdout } = await runCli([command, "--help"], { LC_ALL: "zh_CN.UTF-8" });
    expect(code).toBe(0);
    expect(stdout).toContain(`chinese-clip ${command} `);
    expect(stdout).toMatch(/[\u4e00-\u9fff]/);
  });
});
