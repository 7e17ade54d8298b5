/**
 * What a registry's page shows of a package. The repository's address stands in the root's package.json, and nowhere else: what each package
 * says of itself must follow from it, so that moving the repository is one edit and this test's list of what is left.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folderOf, manifestOf, packageFolders, root } from "./packages.js";

const own = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly author: string;
  readonly bugs: string;
  readonly homepage: string;
  readonly repository: { readonly type: string; readonly url: string };
};
const address = own.repository.url.replace(/^git\+/, "").replace(/\.git$/, "");

it("the root's own addresses are those of one repository", () => {
  expect(own).toMatchObject({ bugs: `${address}/issues`, homepage: `${address}#readme` });
});

describe.each(packageFolders())("packages/%s", (folder) => {
  const manifest = manifestOf(folder);

  it("B6 links to the root's repository, its own folder and its own README", () => {
    expect(manifest).toMatchObject({
      author: own.author,
      bugs: own.bugs,
      homepage: `${address}/tree/main/packages/${folder}#readme`,
      repository: { ...own.repository, directory: `packages/${folder}` },
    });
  });

  it("says what it is and what it is found by", () => {
    expect(manifest.description).toMatch(/^[A-Z].*\.$/);
    expect(manifest.keywords).toContain("chinese-clip");
    expect(manifest.keywords).toEqual([...new Set(manifest.keywords)].toSorted());
  });

  it("has a changelog under its own name", () => {
    expect(readFileSync(join(folderOf(folder), "CHANGELOG.md"), "utf8")).toMatch(new RegExp(`^# ${manifest.name}\n`));
  });
});
