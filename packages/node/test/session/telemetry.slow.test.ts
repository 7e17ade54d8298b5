import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { disableTelemetry } from "../../src/session/load-runtime.js";

const run = promisify(execFile);
const DEMO = fileURLToPath(new URL("../../../../examples/demo-checkpoint", import.meta.url));
const IMAGE = fileURLToPath(new URL("../../../../examples/pictures/01.png", import.meta.url));
const CHILD = fileURLToPath(new URL("telemetry-child.mjs", import.meta.url));
const INDEX = new URL("../../dist/index.js", import.meta.url).href;

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "clip-home-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** Runs the child with nothing but `home` in its environment; gives the files that it left in `home`. */
async function filesLeft(dtype: string, before: readonly string[] = []): Promise<string[]> {
  const [command = "", ...args] = [...before, process.execPath, CHILD, DEMO, IMAGE, dtype];
  await run(command, args, { env: { HOME: home, PATH: process.env["PATH"] }, timeout: 60_000 });
  const entries = await readdir(home, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name).slice(home.length + 1));
}

const hasStrace = await run("strace", ["-V"]).then(
  () => true,
  () => false,
);

describe("B1 ONNX Runtime's telemetry", () => {
  it("leaves nothing in an empty HOME", async () => {
    expect(await filesLeft("fp32")).toEqual([]);
  }, 60_000);

  it("leaves only the tower cache there where weights are converted", async () => {
    const files = await filesLeft("q8");
    expect(files).not.toEqual([]);
    expect(files.filter((file) => !file.startsWith(join(".cache", "huggingface", "hub", ".chinese-clip")))).toEqual([]);
  }, 60_000);

  it.skipIf(!hasStrace)(
    "opens no socket to another machine",
    async () => {
      const log = join(home, "sockets.log");
      await filesLeft("fp32", ["strace", "-f", "-qq", "-e", "trace=socket,connect,sendto", "-o", log]);
      const calls = (await readFile(log, "utf8")).split("\n").filter((line) => /AF_INET/.test(line));
      expect(calls).toEqual([]);
    },
    60_000,
  );

  it("is not switched off against the user's own setting", () => {
    const { ORT_DISABLE_TELEMETRY: before } = process.env;
    try {
      process.env["ORT_DISABLE_TELEMETRY"] = "0";
      disableTelemetry();
      expect(process.env["ORT_DISABLE_TELEMETRY"]).toBe("0");
      delete process.env["ORT_DISABLE_TELEMETRY"];
      disableTelemetry();
      expect(process.env["ORT_DISABLE_TELEMETRY"]).toBe("1");
    } finally {
      if (before === undefined) delete process.env["ORT_DISABLE_TELEMETRY"];
      else process.env["ORT_DISABLE_TELEMETRY"] = before;
    }
  });

  it("is warned about in a thread, which cannot set the variable", async () => {
    const { stderr } = await run(process.execPath, [
      "--input-type=module",
      "-e",
      `import { Worker } from "node:worker_threads";
       delete process.env.ORT_DISABLE_TELEMETRY;
       const code = 'import(process.argv[2]).then(({ ChineseCLIPModel }) => ChineseCLIPModel.fromPretrained("/nowhere")).catch(() => process.exit())';
       new Worker(code, { eval: true, argv: [${JSON.stringify(INDEX)}], execArgv: [] });`,
    ]);
    expect(stderr).toContain("ORT_DISABLE_TELEMETRY=1");
  }, 30_000);
});
