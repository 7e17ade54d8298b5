/** The command on a terminal: a pseudo-terminal of util-linux's `script`, 40 columns wide. */
import { execFile, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { displayWidth } from "../../src/terminal/table.js";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { DEMO, MAIN } from "./run-cli.js";

const PICTURES = fileURLToPath(new URL("../../../../examples/pictures/", import.meta.url));
const { path } = scratchFolder();

it("progress in columns that there are, without colours", async (context) => {
  const version = spawnSync("script", ["--version"], { encoding: "utf8" });
  if (version.error !== undefined || !version.stdout.includes("util-linux")) {
    context.skip("no script of util-linux on this machine; test/terminal.test.ts draws on a terminal that is none");
  }
  const args = ["embed", "--model", DEMO, "--images", PICTURES, "--output", path("f.jsonl")];
  const command = `stty cols 40 && ${[process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(" ")}`;
  const { stdout } = await promisify(execFile)("script", ["-qec", command, path("typescript")], {
    env: { ...process.env, LC_ALL: "zh_CN.UTF-8", TERM: "xterm", NO_COLOR: "1" },
  });
  const drawn = stdout.split("\r\u001b[K").slice(1);
  expect(drawn.length).toBeGreaterThanOrEqual(2);
  for (const [line = ""] of drawn.map((text) => text.split("\r\n"))) expect(displayWidth(line)).toBeLessThan(40);
  // A step that takes less than a fifth of a second has no rate.
  expect(drawn.at(-1)).toMatch(/^图片 {2}48 \/ 48 {2}100%(?: {2}\d+(?:\.\d)?\/s {2}00:00)?\r\n写入 48 条特征\r\n→ /);
  expect(drawn.join("")).not.toContain("\u001b");
});
