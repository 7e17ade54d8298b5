/** What a reader copies from an install section also works behind a firewall, where onnxruntime-node's script has nothing to download from. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageFolders, root } from "../packages.js";

const SKIP = "ONNXRUNTIME_NODE_INSTALL=skip ";
const INSTALLS_RUNTIME = /^(?:npm install|npx) .*?(?:@chinese-clip\/node|\bchinese-clip)(?= |$)/u;

const documents = [".", "docs", ...packageFolders().map((folder) => `packages/${folder}`)].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".md") && !/\.api\.md$|^CHANGELOG/u.test(name))
    .map((name) => join(folder, name)),
);

/** Commands of the blocks that install something, without comments; further `npx` need what the first has installed. */
function installCommands(document: string): string[] {
  const blocks = [...readFileSync(join(root, document), "utf8").matchAll(/^```sh\n(.*?)^```/gmsu)].map(([, block = ""]) => block);
  return blocks
    .filter((block) => /^npm install\b/mu.test(block))
    .flatMap((block) => block.split("\n"))
    .map((line) => line.replace(/\s+#.*$/u, "").trim());
}

describe("E2 an install behind a firewall", () => {
  it.each(documents)("is one copied line in %s, where it installs the runtime", (document) => {
    const commands = installCommands(document);
    const needed = commands.filter((command) => INSTALLS_RUNTIME.test(command));
    expect(commands).toEqual(expect.arrayContaining(needed.map((command) => SKIP + command)));
  });

  it("is told in the README of every package that brings the runtime", () => {
    for (const folder of ["node", "cli"]) {
      for (const name of ["README.md", "README.zh-CN.md"].filter((file) => existsSync(join(root, "packages", folder, file))))
        expect(installCommands(join("packages", folder, name)).some((command) => command.startsWith(SKIP))).toBe(true);
    }
  });
});
