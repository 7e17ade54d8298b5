/**
 * The root README's TypeScript, run as it stands, but for the model and the images, which are the demo's.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const examples = fileURLToPath(new URL("..", import.meta.url));
const readme = readFileSync(join(examples, "..", "README.md"), "utf8");
const snippets = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""]) => code);

// Below examples/, so that the packages are found as a user's project finds them.
mkdirSync(join(examples, "out"), { recursive: true });
const folder = mkdtempSync(join(examples, "out", "readme-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const quotedPath = (name: string): string => JSON.stringify(join(examples, "pictures", name));

function runSnippet(snippet: string, ending: string): string {
  const code = snippet
    .replaceAll(/"(?:\.|OFA-Sys)\/chinese-clip-vit-base-patch16"/g, JSON.stringify(join(examples, "demo-checkpoint")))
    .replaceAll('"pokemon.jpeg"', quotedPath("36.webp"))
    .replaceAll(/"(\d)\.jpg"/g, (_, digit: string) => quotedPath(`3${digit}.${digit === "2" ? "webp" : "png"}`))
    .replaceAll('["杰尼龟", "妙蛙种子", "小火龙", "皮卡丘"]', '["帆船", "雪人", "兔子", "汽车"]');
  const file = join(folder, "snippet.ts");
  writeFileSync(file, `${code}\n${ending}`);
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", import.meta.resolve("tsx"), file], { encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}

describe("the README", () => {
  it("has two snippets", () => expect(snippets).toHaveLength(2));

  it("computes features and probabilities as transformers' sample does", () => {
    const ending =
      "console.log(JSON.stringify({ probs, dims: [imageFeatures, textFeatures, imageEmbeds, textEmbeds].map(({ dims }) => dims) }));";
    const { probs, dims } = JSON.parse(runSnippet(snippets[1] ?? "", ending)) as { probs: number[]; dims: number[][] };
    expect(dims).toEqual([
      [1, 128],
      [4, 128],
      [1, 128],
      [4, 128],
    ]);
    expect(probs[3]).toBeGreaterThan(0.99);
    expect(probs.reduce((a, b) => a + b)).toBeCloseTo(1);
  });

  it("labels and searches the short way", () => {
    const lines = runSnippet(snippets[0] ?? "", "")
      .trim()
      .split("\n");
    expect(lines.join("\n")).toContain("label: '汽车'");
    expect(lines.slice(-3).map((line) => /(3\d)\.\w+ (-?[\d.e-]+)$/.exec(line)?.slice(1).map(Number))).toEqual(
      [31, 32, 33].map((image) => [image, expect.closeTo(0, 0)]),
    );
  });
});
