import { describe, expect, it } from "vitest";
import { formatResultPage, type ResultPage } from "../../src/reports/result-page.js";
import { scratchFolder } from "@chinese-clip/scratch-folder";

const { path, write } = scratchFolder();

describe("F12 the page of a search", () => {
  const page = (changes: Partial<ResultPage> = {}): Promise<string> =>
    formatResultPage({
      query: "<猫>",
      source: "photos & more",
      model: "OFA-Sys/chinese-clip-vit-base-patch16",
      hits: [
        { rank: 1, score: 0.5, id: 3, path: write("photos/一只 #1?.jfif", "bytes") },
        { rank: 2, score: 0.4, id: 4, path: path("photos/gone.png") },
        { rank: 3, score: 0.3, id: 5, path: write("photos/scan.tiff", "bytes") },
        { rank: 4, score: 0.2, id: 6, path: undefined },
      ],
      file: path("out/found.html"),
      date: new Date("2026-01-02T03:04:05Z"),
      language: "en",
      ...changes,
    });

  it("says what was searched, with which model, how many results there are, and when", async () => {
    expect(await page()).toContain("<p>photos &#38; more · 4 results · OFA-Sys/chinese-clip-vit-base-patch16 · 2026-01-02</p>");
    expect(await page({ language: "zh" })).toContain("4 条结果");
    expect(await page()).toContain("<h1>&#60;猫&#62;</h1>");
  });

  it("links each image to its file, from where the page is", async () => {
    const links = [...(await page()).matchAll(/<a href="([^"]*)"/g)].map(([, url]) => url);
    expect(links).toEqual(["../photos/%E4%B8%80%E5%8F%AA%20%231%3F.jfif", "../photos/gone.png", "../photos/scan.tiff"]);
    expect(await page({ file: path("found.html") })).toContain('href="./photos/gone.png"');
  });

  it("holds the images that browsers show, and names the others", async () => {
    const text = await page();
    expect(text.match(/<img alt="" src="data:image\/jpeg;base64,/g)).toHaveLength(1);
    expect(text.match(/<span class="none">not shown<\/span>/g)).toHaveLength(3);
    expect(text).not.toContain("<script");
  });

  it("has no white boxes in dark mode, and two columns on a phone", async () => {
    const text = await page();
    expect(text).toMatch(/prefers-color-scheme: dark\) \{ :root \{[^}]*--mat: #2/);
    expect(text).not.toMatch(/background: #fff/);
    expect(text).toContain("minmax(min(11rem, 40vw), 1fr)");
  });
});
