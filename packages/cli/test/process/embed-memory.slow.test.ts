/** That `embed` needs no more memory for more images, as the system counts it. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { DEMO, MAIN } from "./run-cli.js";

const PICTURES = fileURLToPath(new URL("../../../../examples/pictures/", import.meta.url));
const { path, write } = scratchFolder();

it("memory of embed is much the same in the second quarter and the last", async () => {
  // A leak of 100 kB for each image, less than a decoded one, would be 40 MB of 180 here.
  const samples = path("rss.json");
  const probe = write(
    "probe.mjs",
    `import { isMainThread } from "node:worker_threads";
     import { writeFileSync } from "node:fs";
     const rss = [];
     if (isMainThread) {
       setInterval(() => rss.push(process.memoryUsage.rss()), 20).unref();
       process.on("exit", () => writeFileSync(${JSON.stringify(samples)}, JSON.stringify(rss)));
     }`,
  );
  const names = readdirSync(PICTURES).filter((name) => /\.(?:png|jpg|webp)$/.test(name));
  const list = Array.from({ length: 800 }, (_, i) => join(PICTURES, names[i % names.length] ?? ""));
  const args = ["--import", pathToFileURL(probe).href, MAIN, "embed", "--model", DEMO, "--images", "-", "--output", path("out")];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "ignore", "ignore"] });
  child.stdin.end(list.join("\n"));
  expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
  const rss = JSON.parse(readFileSync(samples, "utf8")) as number[];
  expect(rss.length).toBeGreaterThan(20);
  const quarter = (n: number): number => {
    const part = rss.slice(Math.floor((n * rss.length) / 4), Math.floor(((n + 1) * rss.length) / 4)).toSorted((a, b) => a - b);
    return part[part.length >> 1] ?? Number.NaN;
  };
  expect(quarter(3) / quarter(1)).toBeLessThan(1.2);
});
