/** Features of another model of the same length: nothing in their numbers tells, so it is noted beside them. */
import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeDrawings, type RetrievalFiles, writeRetrieval } from "@chinese-clip/drawings";
import { beforeAll, describe, expect, it } from "vitest";
import { NPY_HEAD } from "@chinese-clip/search";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { DEMO, type Ended, runCli } from "./run-cli.js";

const { path } = scratchFolder();
let files: RetrievalFiles;
/** The demo checkpoint with other weights in one tower, in folders of their own. */
const OTHER_IMAGE = path("other-image");
const OTHER_TEXT = path("other-text");

/** Copies the demo checkpoint and changes one number of a tensor. */
function changed(folder: string, tensor: string): void {
  cpSync(DEMO, folder, { recursive: true });
  const file = join(folder, "model.safetensors");
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + length)) as Record<string, { data_offsets: [number, number] }>;
  const at = 8 + length + (header[tensor]?.data_offsets[0] ?? Number.NaN);
  bytes.writeFloatLE(bytes.readFloatLE(at) + 0.25, at);
  writeFileSync(file, bytes);
}

const embed = (model: string, output: string, ...rest: string[]): Promise<Ended> =>
  runCli(["embed", "--model", model, "--images", files.images, "--output", path(output), ...rest]);

beforeAll(async () => {
  files = await writeRetrieval(await makeDrawings(20, 9), path("data"));
  changed(OTHER_IMAGE, "vision_model.pre_layrnorm.weight");
  changed(OTHER_TEXT, "text_model.embeddings.LayerNorm.weight");
  expect((await embed(DEMO, "i.img_feat.jsonl")).code).toBe(0);
  expect((await runCli(["embed", "--model", DEMO, "--texts", files.texts, "--output", path("t.txt_feat.jsonl")])).code).toBe(0);
});

describe.each([["f.jsonl"], ["f"]])("embed to %s", (output) => {
  it("is not resumed with other weights or another dtype, and is with the same weights in another place", async () => {
    const file = output === "f" ? path("f/img_emb/img_emb_0.npy") : path(output);
    expect((await embed(DEMO, output)).code).toBe(0);
    const whole = readFileSync(file);
    truncateSync(file, Math.floor(whole.length / 2));
    const torn = readFileSync(file);

    const other = await embed(OTHER_IMAGE, output);
    expect([other.code, other.stderr]).toEqual([
      1,
      `error: ${file}: created with model ${DEMO}; this run uses model ${OTHER_IMAGE}. Use ${DEMO} again, or name another --output\n`,
    ]);
    const format = await embed(DEMO, output, "--dtype", "q8", "--cache-dir", path("cache"));
    expect([format.code, format.stderr]).toEqual([1, expect.stringContaining("created with dtype fp32; this run uses q8")]);
    const decoding = await embed(DEMO, output, "--decode", "fast");
    expect([decoding.code, decoding.stderr]).toEqual([
      1,
      `error: ${file}: created with images decoded as exact; this run uses fast. Use --decode exact again, or name another --output\n`,
    ]);
    // Not a row more; the head of a .npy tells how many there are.
    const kept = readFileSync(file);
    const head = output === "f" ? NPY_HEAD : 0;
    expect(torn.subarray(head, kept.length).equals(kept.subarray(head))).toBe(true);

    // The image tower is the demo checkpoint's.
    expect((await embed(OTHER_TEXT, output)).code).toBe(0);
    expect(readFileSync(file).equals(whole)).toBe(true);
    rmSync(`${file}.model.json`);
    expect((await embed(OTHER_IMAGE, output)).code).toBe(0);
  });
});

describe("search", () => {
  it("refuses features of another image tower, and takes another text tower or number format", async () => {
    const search = (model: string, ...rest: string[]): Promise<Ended> =>
      runCli(["search", "--model", model, "--in", path("i.img_feat.jsonl"), "--query", "猫", "--json", ...rest]);
    const { code, stdout, stderr } = await search(OTHER_IMAGE);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(
      `its features are of ${DEMO}, and this is ${OTHER_IMAGE}: cosines between two models mean nothing. Name that one`,
    );
    expect((await search(OTHER_TEXT)).code).toBe(0);
    expect((await search(DEMO, "--dtype", "q8", "--cache-dir", path("cache"))).code).toBe(0);
  });
});

describe("evaluate retrieval", () => {
  it.each([
    ["images'", OTHER_IMAGE, (): string[] => ["--image-features", path("i.img_feat.jsonl")]],
    ["texts'", OTHER_TEXT, (): string[] => ["--images", files.images, "--text-features", path("t.txt_feat.jsonl")]],
  ])("refuses the %s features of another model", async (_, model, args) => {
    const evaluate = (name: string): Promise<Ended> =>
      runCli(["evaluate", "retrieval", "--model", name, "--texts", files.texts, ...args(), "--json"]);
    const { code, stdout, stderr } = await evaluate(model);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("_feat.jsonl: its features are of ");
    expect((await evaluate(DEMO)).code).toBe(0);
  });
});

it("says it in Chinese", async () => {
  const args = ["search", "--model", OTHER_IMAGE, "--in", path("i.img_feat.jsonl"), "--query", "猫"];
  const { code, stderr } = await runCli(args, { LC_ALL: "zh_CN.UTF-8" });
  expect([code, stderr]).toEqual([1, expect.stringContaining("两个模型之间的余弦没有意义。请用 --model 指定那个模型，或重新提取")]);
});
