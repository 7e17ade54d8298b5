/** What `npm publish` would upload of each package: built code, sources, documents and licence, and nothing else. */
import { beforeAll, describe, expect, it } from "vitest";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "@chinese-clip/consumer";
import { folderOf, manifestOf, packageFolders } from "./packages.js";

interface PackReport {
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

describe.each(packageFolders())("packages/%s", (folder) => {
  let paths: string[];
  let bytes: number;

  beforeAll(async () => {
    const { stdout } = await run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], folderOf(folder));
    const report = JSON.parse(stdout) as readonly PackReport[] | Readonly<Record<string, PackReport>>;
    const { files } = Object.values(report)[0] as PackReport;
    paths = files.map(({ path }) => path);
    bytes = files.reduce((sum, { size }) => sum + size, 0);
  }, 60_000);

  it("uploads its documents, its licence and what its manifest points at", () => {
    const manifest = manifestOf(folder);
    const targets = [...JSON.stringify([manifest.exports, manifest.bin ?? {}]).matchAll(/"\.\/(dist\/[^"]+)"/g)].map(
      ([, path]) => path as string,
    );
    const wanted = ["package.json", "README.md", "LICENSE", "CHANGELOG.md", "src/index.ts", ...targets];
    expect(wanted.filter((path) => !paths.includes(path))).toEqual([]);
  });

  it("uploads nothing but dist, src and documents: no test, no fixture, no setting", () => {
    const expected = /^(?:(?:dist|src)\/.+|package\.json|README(?:\.zh-CN)?\.md|LICENSE|CHANGELOG\.md)$/;
    expect(
      paths.filter((path) => !expected.test(path) || /(?:^|\/)(?:test|fixtures|node_modules|coverage)\/|\.test\.|tsbuildinfo/.test(path)),
    ).toEqual([]);
    expect(bytes).toBeLessThan(6_000_000);
  });

  it("has the repository's licence", () => {
    expect(readFileSync(join(folderOf(folder), "LICENSE"), "utf8")).toBe(
      readFileSync(join(folderOf("tokenizer"), "..", "..", "LICENSE"), "utf8"),
    );
  });
});
