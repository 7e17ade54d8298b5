import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runExample, type Run } from "./example-process.js";

/** An image's entry in `pictures/pictures.json`. */
interface Drawing {
  readonly file: string;
  readonly object: string;
  readonly color: string;
  readonly count: number;
  readonly background: string;
}

const demoFile = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "chinese-clip-examples-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The blocks of a run's output: a title, then rows, best first. */
function blocks({ stdout }: Run): Map<string, string[]> {
  return new Map(
    stdout.split("\n\n").map((block) => {
      const [title = "", ...rows] = block.split("\n");
      return [title.trim(), rows.map((row) => row.trim())];
    }),
  );
}

/** Everything that a page could load from elsewhere. */
function outsideReferences(page: string): string[] {
  const attributes = [...page.matchAll(/\b(?:src|href|srcset|action|data)\s*=\s*"(?!data:image\/)([^"]*)"/g)];
  const styles = [...page.matchAll(/url\(|@import/g)];
  return [...attributes, ...styles].map(([text]) => text);
}

describe("the demo", () => {
  let run: Run;
  let page: string;
  let drawings: ReadonlyMap<string, Drawing>;
  beforeAll(async () => {
    const out = join(folder, "demo", "page.html");
    run = await runExample("--out", out);
    page = await readFile(out, "utf8");
    const list = JSON.parse(await readFile(demoFile("pictures/pictures.json"), "utf8")) as Drawing[];
    drawings = new Map(list.map((drawing) => [drawing.file, drawing]));
  });

  it("succeeds, with nothing but the page's path after the results", () => {
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.stdout.trimEnd().split("\n").at(-1)).toContain("page.html");
  });

  it("labels the image as pictures.json does", () => {
    const rows = blocks(run).get("看图识物  39.png");
    expect(rows).toHaveLength(6);
    expect(rows?.[0]?.split(/\s+/)[0]).toBe(drawings.get("39.png")?.object);
  });

  it.each([
    ["一只棕色的猫", { object: "猫", color: "棕", count: 1 }],
    ["两辆紫色的汽车", { object: "汽车", color: "紫", count: 2 }],
    ["浅黄色背景上的黑色星星", { object: "星星", color: "黑", background: "浅黄" }],
    ["很大的紫色蘑菇", { object: "蘑菇", color: "紫" }],
    ["画着灰色雪人的画", { object: "雪人", color: "灰" }],
    ["四条黑色的鱼", { object: "鱼", color: "黑", count: 4 }],
  ])("finds %s first", (text, expected) => {
    const rows = blocks(run).get(`以文搜图  ${text}`) ?? [];
    expect(rows).toHaveLength(5);
    const best = rows[0]?.split(/\s+/)[0] ?? "";
    expect(drawings.get(best)).toMatchObject(expected);
    expect(page).toContain(`<h3>${text}</h3>`);
  });

  it("writes a page that loads nothing", () => {
    expect(page.match(/<img src="data:image\/(?:png|jpeg|webp);base64,[A-Za-z0-9+/]+=*"/g)).toHaveLength(1 + 6 * 5);
    expect(outsideReferences(page)).toEqual([]);
    expect(page).not.toMatch(/https?:\/\/|<script/);
  });

  it("prints no escape codes where the output is no terminal", () => {
    expect(run.stdout).not.toContain("\u001B");
  });
});

describe("the user's own images", () => {
  it("labels an image with a template", async () => {
    const image = demoFile("pictures/36.webp");
    const out = join(folder, "own.html");
    const run = await runExample(
      "--model",
      demoFile("demo-checkpoint"),
      "--image",
      image,
      "--labels",
      "帆船,汽车,火箭",
      "--template",
      "黄色的{}",
      "--out",
      out,
    );
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(blocks(run).get("看图识物  36.webp  黄色的{}")?.[0]).toMatch(/^汽车 .* %/);
    expect(await readFile(out, "utf8")).toContain("<q>黄色的{}</q>");
  });

  it("searches a folder, skips an image that cannot be read, and escapes names in HTML", async () => {
    const images = join(folder, "pictures");
    await mkdir(images);
    await copyFile(demoFile("pictures/30.jpg"), join(images, "<b>月亮 & 'co'.jpg"));
    await copyFile(demoFile("pictures/05.png"), join(images, "心.PNG"));
    await writeFile(join(images, "broken.png"), "no image");
    await writeFile(join(images, "notes.txt"), "no image either");
    const out = join(folder, "search.html");
    const run = await runExample("--images", images, "--text", "绿色的月亮", "--text", "黑色的心", "--out", out);
    expect(run.code).toBe(0);
    expect(run.stderr).toMatch(/^skipped broken\.png: .+\n$/);
    expect(blocks(run).get("以文搜图  绿色的月亮")?.[0]).toMatch(/^<b>月亮 & 'co'\.jpg/);
    expect(blocks(run).get("以文搜图  黑色的心")?.[0]).toMatch(/^心\.PNG/);
    const page = await readFile(out, "utf8");
    expect(page).toContain("&lt;b&gt;月亮 &amp; &#39;co&#39;.jpg");
    expect(page).not.toContain("<b>月亮");
  });
});

describe("what cannot be done is one message and exit status 1", () => {
  const image = demoFile("pictures/01.png");
  it.each<[string, readonly string[], RegExp]>([
    ["an unknown option", ["--lables", "a"], /Unknown option '--lables'/],
    ["an option without its value", ["--image"], /--image/],
    ["labels without an image", ["--labels", "猫"], /--image/],
    ["an image without labels", ["--image", image], /--labels/],
    ["no label", ["--image", image, "--labels", " , "], /at least one label/],
    ["a template without a place for the label", ["--image", image, "--labels", "猫", "--template", "照片"], /\{\}/],
    ["a folder without a sentence", ["--images", "."], /--text/],
    ["a model with nothing to do", ["--model", "."], /--image/],
    ["a missing model", ["--model", "no-such-model", "--image", image, "--labels", "猫"], /no-such-model/],
    [
      "a folder that is no model",
      ["--model", demoFile("pictures"), "--image", image, "--labels", "猫"],
      /expected weights: model\.safetensors/,
    ],
    ["a missing image", ["--image", "no-such.png", "--labels", "猫"], /no-such\.png/],
    ["a file that is no image", ["--image", demoFile("package.json"), "--labels", "猫"], /package\.json/],
    ["a missing folder", ["--images", "no-such-folder", "--text", "猫"], /no-such-folder: no such folder/],
    ["a folder without images", ["--images", demoFile("test"), "--text", "猫"], /no images/],
    ["a page that cannot be written", ["--image", image, "--labels", "猫", "--out", demoFile("package.json/x.html")], /package\.json/],
  ])("%s", async (_, args, message) => {
    const { code, stderr } = await runExample("--out", join(folder, "never.html"), ...args);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stderr.trim().split("\n").length).toBeLessThanOrEqual(2);
    expect(code).toBe(1);
  });

  it("but help is an answer", async () => {
    const { code, stdout } = await runExample("--help");
    expect(code).toBe(0);
    expect(stdout).toContain("--template");
  });
});
