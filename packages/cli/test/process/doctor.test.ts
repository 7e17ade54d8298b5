import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { runCli } from "./run-cli.js";

const { path } = scratchFolder();
/** Addresses at which nothing listens. */
const NOWHERE = { HF_ENDPOINT: "http://127.0.0.1:1", MODELSCOPE_ENDPOINT: "http://127.0.0.1:1", NO_PROXY: "*", HF_HUB_OFFLINE: "" };
const doctor = (args: readonly string[], env: Readonly<Record<string, string>> = {}): ReturnType<typeof runCli> =>
  runCli(["doctor", ...args], { HF_HUB_CACHE: path("cache"), ...NOWHERE, ...env });

describe("doctor", () => {
  it("reports on the machine; a network that does not answer is no failure", async () => {
    const { code, stdout, stderr } = await doctor([]);
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
