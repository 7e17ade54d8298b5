import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { DEMO, runCli, spawnCli } from "./run-cli.js";

const { path } = scratchFolder();
const PICTURE = fileURLToPath(new URL("../../../../examples/pictures/01.png", import.meta.url));
/** Addresses at which nothing listens. */
const NOWHERE = { HF_ENDPOINT: "http://127.0.0.1:1", MODELSCOPE_ENDPOINT: "http://127.0.0.1:1", NO_PROXY: "*", HF_HUB_OFFLINE: "" };
const doctor = (args: readonly string[], env: Readonly<Record<string, string>> = {}): ReturnType<typeof runCli> =>
  runCli(["doctor", ...args], { HF_HUB_CACHE: path("cache"), ...NOWHERE, ...env });

describe("doctor", () => {
  it("reports on the machine; a network that does not answer is no failure", async () => {
    const { code, stdout, stderr } = await spawnCli(["doctor"], { HF_HUB_CACHE: path("cache"), ...NOWHERE });
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^Node +\d+\.\d+\.\d+, \w+ \w+\nruntime +ONNX Runtime 1\.\d+\.\d+, sharp /);
    expect(stdout).toMatch(/^devices +cpu/m);
    expect(stdout).toMatch(/^network +http:\/\/127\.0\.0\.1:1 {2}no answer \(.+\)$/m);
    expect(stdout).toContain("cache (not made yet)");
    expect(stdout).toContain("· no hub answers: set HTTPS_PROXY to a proxy or HF_ENDPOINT to a mirror");
    expect(stdout).toMatch(/^variable +HF_ENDPOINT=http:\/\/127\.0\.0\.1:1$/m);
  });

  it("as JSON and in Chinese, without a request where none is allowed", async () => {
    const { code, stdout } = await doctor(["--json"], { HF_HUB_OFFLINE: "1", LC_ALL: "zh_CN.UTF-8" });
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as { advice: { text: string }[]; [key: string]: unknown };
    expect(report).toMatchObject({ node: process.versions.node, offline: true, endpoints: [], cache: { writable: true, models: [] } });
    expect(report.advice.map(({ text }) => text)).toContain("已设 HF_HUB_OFFLINE：只能加载缓存中的模型");
    expect((await doctor([], { HF_HUB_OFFLINE: "1", LC_ALL: "zh_CN.UTF-8" })).stdout).toMatch(/^处理器 {2}.+线程$/m);
  });

  it("ends with 1 where the cache cannot be written", async () => {
    writeFileSync(path("file"), "");
    const { code, stdout } = await doctor([], { HF_HUB_CACHE: path("file/cache"), HF_HUB_OFFLINE: "1" });
    expect(code).toBe(1);
    expect(stdout).toContain("✗ the cache ");
    expect(stdout).toContain("not writable");
  });

  it("I15 without a home folder: a problem with its cure", async () => {
    const homeless = { HOME: "", HF_HUB_CACHE: "", HF_HOME: "", XDG_CACHE_HOME: "", HUGGINGFACE_HUB_CACHE: "", HF_HUB_OFFLINE: "1" };
    const { code, stdout, stderr } = await doctor([], homeless);
    expect([code, stderr]).toEqual([1, ""]);
    expect(stdout).toMatch(/^cache +no home folder$/m);
    expect(stdout).toContain("✗ no home folder: HOME is not set, and the system does not know this user; set HF_HUB_CACHE");
    const chinese = await doctor([], { ...homeless, LC_ALL: "zh_CN.UTF-8" });
    expect(chinese.stdout).toContain("✗ 没有主目录");
    const found = await runCli(["info", "owner/name"], homeless);
    expect([found.code, found.stderr]).toEqual([1, expect.stringContaining("error: expected a home folder for the cache")]);
  });

  it("I15 without a home folder a local model works, converted in a temporary folder that is removed", async () => {
    const temporary = path("tmp");
    mkdirSync(temporary);
    const homeless = { HOME: "", HF_HUB_CACHE: "", HF_HOME: "", XDG_CACHE_HOME: "", HUGGINGFACE_HUB_CACHE: "", TMPDIR: temporary };
    const { code, stderr } = await spawnCli(["classify", PICTURE, "--model", DEMO, "--labels", "猫,狗", "--dtype", "q8"], homeless);
    expect(code).toBe(0);
    expect(stderr).toContain("The converted weights go to a temporary folder");
    expect(readdirSync(temporary)).toEqual([]);
  });

  it("shows its help", async () => {
    expect(await doctor(["--help"])).toMatchObject({ code: 0, stdout: expect.stringContaining("chinese-clip doctor --json") });
  });

  it.each([
    [["--timeout", "soon"], "--timeout: expected an integer of at least 1, got soon"],
    [["--timeout", "100000"], "--timeout: expected at most 600 seconds, got 100000"],
    [["--fix"], "Unknown option '--fix'"],
    [["now"], "Unexpected argument 'now'"],
  ])("%j is a command line that cannot be followed: exit code 2", async (args, message) => {
    const { code, stderr } = await doctor(args);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  it("refuses an endpoint that is no address", async () => {
    const { code, stderr } = await doctor([], { HF_ENDPOINT: "mirror" });
    expect([code, stderr]).toEqual([1, expect.stringContaining('expected endpoint to be an http: or https: URL, got "mirror"')]);
  });
});
