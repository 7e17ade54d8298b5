/** What a clone holds: every package complete, and nothing in a file that only one machine or one network has. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folderOf, manifestOf, PACKAGES, root } from "./packages.js";

const MAX_FILE_BYTES = 9_000_000;
const files = committedFiles();

describe.skipIf(files.length === 0)("the committed files", () => {
  it("are small enough for a clone", () => {
    expect(files.filter((file) => statSync(join(root, file)).size > MAX_FILE_BYTES)).toEqual([]);
  });

  it("name no folder of the machine that they were written on", () => {
    const folder = /(?<![\w.@$}])\/(?:home|Users|root|work|workspace)\/\w/;
    expect(files.filter((file) => contents(file).includes(root) || folder.test(contents(file)))).toEqual([]);
  });

  it("name no host that packages come from", () => {
    const hosts = ["registry.npmjs", "registry.yarnpkg", "npm.pkg.github", "npmmirror", "npm.taobao", "pypi", "files.pythonhosted"];
    const named = new RegExp(hosts.map((host) => `\\b${host.replaceAll(".", "\\.")}\\.(?:org|com|io)\\b`).join("|"));
    expect(files.filter((file) => named.test(contents(file)))).toEqual([]);
  });

  it("lock versions and their hashes, not addresses to load them from", () => {
    const lock = contents("pnpm-lock.yaml");
    expect(lock).toContain("integrity:");
    expect(lock).not.toMatch(/https?:|tarball:|registry:/);
  });
});

describe.each(Object.keys(PACKAGES))("packages/%s", (folder) => {
  const manifest = manifestOf(folder);

  it("is complete", () => {
    const missing = ["README.md", "LICENSE", "CHANGELOG.md", `${folder}.api.md`].filter(
      (file) => !existsSync(join(folderOf(folder), file)),
    );
    expect(missing).toEqual([]);
  });

  it("has a README with an example", () => {
    const readme = readFileSync(join(folderOf(folder), "README.md"), "utf8");
    expect(readme).toContain(manifest.name);
    expect(readme).toMatch(/^```(?:ts|js|sh|html)$/m);
  });

  it("has a manifest like its siblings'", () => {
    expect(manifest).toMatchObject({
      name: PACKAGES[folder]?.name ?? `@chinese-clip/${folder}`,
      license: "MIT",
      type: "module",
      sideEffects: false,
      files: ["CHANGELOG.md", "dist", "src"],
      engines: { node: ">=20.19" },
    });
    const subpaths = Object.keys(PACKAGES[folder]?.subpaths ?? {});
    expect(manifest.exports).toEqual({
      ".": { types: "./dist/index.d.ts", default: "./dist/index.js" },
      ...Object.fromEntries(subpaths.map((name) => [`./${name}`, { types: typesOf(folder, name), default: `./dist/${name}.js` }])),
      "./package.json": "./package.json",
    });
  });
});

/** A subpath is built from a folder's index, or from a file that names what a folder publishes. */
function typesOf(folder: string, subpath: string): string {
  const isFile = existsSync(join(folderOf(folder), "src", `${subpath}.ts`));
  return isFile ? `./dist/${subpath}.d.ts` : `./dist/${subpath}/index.d.ts`;
}

/** Of the index, relative to the root; none outside a clone, as in an archive of the sources. */
function committedFiles(): string[] {
  try {
    return execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
      .split("\0")
      .filter((file) => file !== "" && existsSync(join(root, file)));
  } catch {
    return [];
  }
}

/** A file as text, one character for a byte: what is looked for is ASCII, also inside binary files. */
function contents(file: string): string {
  return readFileSync(join(root, file), "latin1");
}
