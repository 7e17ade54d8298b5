/** The READMEs' examples of search, dataset and evaluation run as they are printed. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { transform } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { root } from "./packages.js";
import { snippetsOf } from "./readme-snippet.js";

// Below this package's node_modules, so that the workspace's packages are found.
const scripts = mkdtempSync(fileURLToPath(new URL("../node_modules/.examples-", import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), "chinese-clip-examples-"));

beforeAll(() => {
  mkdirSync(join(folder, "photos"));
  for (const name of ["01.png", "02.jpg", "04.webp"]) cpSync(join(root, "examples", "pictures", name), join(folder, "photos", name));
});
afterAll(() => {
  for (const path of [scripts, folder]) rmSync(path, { recursive: true, force: true });
});

/** Runs a README's examples, as one module: a later example continues the first. @returns what they print. */
async function run(name: string, adapt = (snippet: string): string => snippet): Promise<string> {
  const snippets = snippetsOf(`packages/${name}/README.md`);
  expect(snippets.length).toBeGreaterThan(0);
  const file = join(scripts, `${name}.mjs`);
  writeFileSync(file, (await transform(adapt(snippets.join("\n")), { loader: "ts", target: "node20" })).code);
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { cwd: folder });
  expect(stderr).toBe("");
  return stdout;
}

it("search", async () => {
  // No server is at hand here: a store in memory stands for each (`remote-store.test.ts` of the server has real ones).
  const adapt = (snippet: string): string =>
    snippet.replace("一只猫", "红色的星星").replace(/openRemoteStore\(\{[^}]*\}\)/, "new MemoryStore({ dim, fingerprint })");
  expect(await run("search", adapt)).toMatch(/id: .*score: .*meta: \{ year: 2024 \}/s);
});

it("dataset", async () => {
  expect(await run("dataset")).toMatch(/{ existing: 0, added: 3, failed: 0 }[\s\S]*added: 3,/);
  expect(readFileSync(join(folder, "photos.img_feat.jsonl"), "utf8").trimEnd().split("\n")).toHaveLength(3);
  rmSync(join(folder, "run"), { recursive: true }); // a manifest is written once
  expect(await run("dataset")).toMatch(/{ existing: 3, added: 0, failed: 0 }[\s\S]*unchanged: 3/);
});

it("evaluation", async () => {
  expect(await run("evaluation")).toMatch(/"r1": 0\.0,[\s\S]*"r5": 100\.0,[\s\S]*"r10": 100\.0/);
});
