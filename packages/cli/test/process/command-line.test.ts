/** What every command line program understands, and the language that errors are in. */
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { DEMO, runCli } from "./run-cli.js";

const { path, write } = scratchFolder();
const ZH = { LANG: "zh_CN.UTF-8", LC_ALL: "zh_CN.UTF-8" };

describe("F10 the command line", () => {
  it("knows --version, -h, help, and a group's own commands", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
    for (const word of ["--version", "-v", "version"])
      expect(await runCli([word])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
    const all = await runCli(["--help"]);
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
    ["of the command line", ["embed", "--output", "x.jsonl"], "--images 与 --texts 要给且只能给一个"],
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
