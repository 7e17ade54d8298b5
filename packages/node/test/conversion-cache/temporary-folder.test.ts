import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { makeTemporaryFolder } from "../../src/conversion-cache/temporary-folder.js";

let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "clip-temporary-"));
  vi.stubEnv("TMPDIR", root);
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

/** A folder with a tower in it, and its lock. */
function left(name: string, owner: object | undefined): string {
  const folder = join(root, `chinese-clip-towers-${name}`);
  mkdirSync(folder);
  writeFileSync(join(folder, "text.q8.safetensors"), "weights");
  if (owner !== undefined) writeFileSync(`${folder}.lock`, JSON.stringify({ host: hostname(), id: name, ...owner }));
  return folder;
}

it.skipIf(process.platform === "win32")("removes folders of processes that have ended, and no other", async () => {
  const { pid } = spawnSync("true");
  const dead = left("dead", { pid });
  const bare = left("bare", undefined);
  const living = left("living", { pid: process.pid });
  const other = join(root, "chinese-clip-other");
  mkdirSync(other);
  const folder = await makeTemporaryFolder();
  expect([dead, bare, living, other].map((path) => existsSync(path))).toEqual([false, false, true, true]);
  expect(
    readdirSync(root)
      .filter((name) => name.endsWith(".lock"))
      .toSorted(),
  ).toEqual([`${folder}.lock`, `${living}.lock`].map((path) => path.slice(root.length + 1)).toSorted());
  expect(existsSync(await makeTemporaryFolder())).toBe(true);
  expect(existsSync(folder)).toBe(true); // this process lives
});
