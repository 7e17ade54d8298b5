/** A release: every changeset names packages that exist, and `changeset version` turns all of them into versions and changelogs. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { node } from "@chinese-clip/consumer";
import { folderOf, manifestOf, packageFolders, root } from "./packages.js";

const folders = packageFolders();
const names = folders.map((folder) => manifestOf(folder).name);
const changesets = readdirSync(join(root, ".changeset")).filter((name) => name.endsWith(".md") && name !== "README.md");
const changesetsCli = dirname(createRequire(join(root, "package.json")).resolve("@changesets/cli/package.json"));

const copies: string[] = [];
afterAll(() => {
  for (const copy of copies) rmSync(copy, { recursive: true, force: true });
});

describe.skipIf(changesets.length === 0).each(changesets)("%s", (file) => {
  const [, header = "", text = ""] = /^---\n(.*?)\n---\n(.*)$/s.exec(readFileSync(join(root, ".changeset", file), "utf8")) ?? [];

  it("B6 names packages that exist, and how much each changes", () => {
    const lines = header.split("\n").map((line) => /^"([^"]+)": (?:major|minor|patch)$/.exec(line)?.[1] ?? line);
    expect(names).toEqual(expect.arrayContaining(lines));
    expect(text.trim()).not.toBe("");
  });
});

it("every package has the version number of all", () => {
  const { fixed } = JSON.parse(readFileSync(join(root, ".changeset", "config.json"), "utf8")) as { fixed: string[][] };
  expect(fixed.map((group) => group.toSorted())).toEqual([names.toSorted()]);
  expect(new Set(folders.map((folder) => manifestOf(folder).version)).size).toBe(1);
});

it("`changeset version` runs in a copy, and leaves one version, an entry in each changed package's changelog and no changeset", async () => {
  const copy = createCopy();
  const { code, stdout, stderr } = await node(copy, join(changesetsCli, "bin.js"), "version");
  expect({ code, output: `${stdout}${stderr}` }).toMatchObject({ code: 0 });
  const version = (folder: string): string =>
    (JSON.parse(readFileSync(join(copy, "packages", folder, "package.json"), "utf8")) as { version: string }).version;
  expect(new Set(folders.map(version)).size).toBe(1);
  if (changesets.length === 0) return;
  expect(version("node")).toBe(next(manifestOf("node").version));
  expect(readFileSync(join(copy, "packages", "node", "CHANGELOG.md"), "utf8")).toContain(`## ${version("node")}`);
  expect(readdirSync(join(copy, ".changeset")).filter((name) => name.endsWith(".md"))).toEqual(["README.md"]);
});

/** The version after one, by what the changesets say; a peer dependency of one package must not make all of them major. */
function next(version: string): string {
  const texts = changesets.map((name) => readFileSync(join(root, ".changeset", name), "utf8"));
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  if (texts.some((text) => text.includes('": major'))) return `${major + 1}.0.0`;
  return texts.some((text) => text.includes('": minor')) ? `${major}.${minor + 1}.0` : `${major}.${minor}.${patch + 1}`;
}

/** What `changeset version` reads and writes, and the module that writes changelogs. */
function createCopy(): string {
  const copy = mkdtempSync(join(tmpdir(), "chinese-clip-release-"));
  copies.push(copy);
  for (const file of [".changeset", "package.json", "pnpm-workspace.yaml"]) cpSync(join(root, file), join(copy, file), { recursive: true });
  for (const folder of folders) {
    mkdirSync(join(copy, "packages", folder), { recursive: true });
    for (const file of ["package.json", "CHANGELOG.md"]) cpSync(join(folderOf(folder), file), join(copy, "packages", folder, file));
  }
  mkdirSync(join(copy, "node_modules", "@changesets"), { recursive: true });
  symlinkSync(changesetsCli, join(copy, "node_modules", "@changesets", "cli"), "junction");
  return copy;
}
