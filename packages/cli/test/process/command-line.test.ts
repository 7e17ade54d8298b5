/** What every command line program understands, and the language that errors are in. */
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { DEMO, runCli, spawnCli } from "./run-cli.js";

const { path, write } = scratchFolder();
const PICTURES = fileURLToPath(new URL("../../../../examples/pictures/", import.meta.url));
const ZH = { LANG: "zh_CN.UTF-8", LC_ALL: "zh_CN.UTF-8" };

describe("F10 the command line", () => {
  it("knows --version, -h, help, and a group's own commands", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
    for (const word of ["--version", "-v", "version"])
      expect(await runCli([word])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
    expect(await spawnCli(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
    const all = await spawnCli(["--help"]);
    expect(all).toMatchObject({ code: 0, stdout: expect.stringContaining("chinese-clip doctor") });
    for (const word of ["-h", "help"]) expect(await runCli([word])).toEqual(all);
    const group = await runCli(["evaluate", "--help"]);
    expect([group.code, group.stdout.match(/chinese-clip \S+ \S+/g)]).toEqual([
      0,
      ["chinese-clip evaluate retrieval", "chinese-clip evaluate zero-shot"],
    ]);
    const classify = await runCli(["classify", "--help"]);
    expect(await runCli(["classify", "-h"])).toEqual(classify);
    expect(await runCli(["help", "classify"])).toEqual(classify);
  });

  it("takes the model from CHINESE_CLIP_MODEL", async () => {
    const args = ["embed", "--texts", write("t.jsonl", '{"text_id": 1, "text": "猫"}\n'), "--output", path("t.txt_feat.jsonl")];
    expect((await runCli(args)).stderr).toContain("--model is needed");
    expect((await runCli(args, { CHINESE_CLIP_MODEL: DEMO })).code).toBe(0);
  });
});

describe("F11 errors under a Chinese locale", () => {
  it.each([
    ["of the hub", ["info", "owner/none", "--offline"], "缓存中没有，而且当前不允许联网"],
    ["of a checkpoint", ["info", "./no-such-model"], "缺少模型文件，或不是模型"],
    ["of a data set", ["embed", "--images", "./no-such", "--output", "x.jsonl", "--model", DEMO], "没有这个"],
    ["of the command line", ["embed", "--output", "x.jsonl"], "--images、--texts、--source 要给且只能给一个"],
  ])("%s", async (_, args, message) => {
    const { stderr } = await runCli(args, { ...ZH, HF_HUB_CACHE: path("cache") });
    expect(stderr).toMatch(/^错误：/);
    expect(stderr).toContain(message);
  });

  it("of images that are skipped, and of the files beside them", async () => {
    write("mixed/a\u001b[31m.png", "no image");
    write("mixed/b.mov", "");
    mkdirSync(path("mixed/c"));
    symlinkSync(path("mixed"), path("mixed/c/up"));
    const { code, stderr } = await runCli(["classify", path("mixed"), "--labels", "猫,狗", "--model", DEMO], ZH);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^跳过 .*mixed\/a\\u001b\[31m\.png：不是支持的图片格式/m);
    expect(stderr).toContain("跳过 1 个其他文件：1 .mov");
    expect(stderr).not.toContain("\u001b");
  });
});

it("F9 without a terminal a long command writes a line every ten seconds", async () => {
  // A clock that runs twenty times as fast; an image then has a second and a half.
  const clock = "data:text/javascript,const%20now=performance.now.bind(performance);performance.now=()=>20*now()";
  const list = `${PICTURES}01.png\n`.repeat(300);
  const args = ["embed", "--model", DEMO, "--images", "-", "--output", path("logged.jsonl")];
  const { stderr } = await spawnCli(args, { NODE_OPTIONS: `--import=${clock}` }, list);
  const logged = stderr.split("\n").filter((line) => line.startsWith("images  "));
  expect(logged.length).toBeGreaterThan(0);
  for (const line of logged) expect(line).toMatch(/^images {2}\d+(?: {2}[\d.]+\/s)?$/); // no total where nobody looks on
});

it("I17 shows no password of an address", async () => {
  const address = "https://me:hunter2@127.0.0.1:1";
  const hub = { HF_HUB_CACHE: path("cache"), MODELSCOPE_ENDPOINT: address, NO_PROXY: "*", HF_HUB_OFFLINE: "" };
  const all = await Promise.all([
    runCli(["doctor", "--timeout", "1"], { ...hub, HF_ENDPOINT: address, HTTPS_PROXY: address }),
    runCli(["info", "owner/name", "--endpoint", "ftp://me:hunter2@host"], hub),
    runCli(["info", address], hub),
    runCli(["verify", DEMO, "--image", `${address}/a.jpg?X-Amz-Signature=hunter2`], hub),
    runCli(["info", "owner/name"], { ...hub, HTTPS_PROXY: "socks5://me:hunter2@host" }),
  ]);
  for (const { code, stdout, stderr } of all)
    expect([code, stdout + stderr]).toEqual([expect.any(Number), expect.not.stringContaining("hunter2")]);
  expect(all.map(({ code }) => code)).toEqual([0, 2, 1, 1, 1]);
});
