/**
 * A real Chromium, headless: Debian's, or whichever `CHINESE_CLIP_CHROMIUM` names.
 */
import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";

const CANDIDATES = [
  process.env["CHINESE_CLIP_CHROMIUM"] ?? "",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** The browser's path; undefined where there is none. */
export const chromiumPath: string | undefined = CANDIDATES.find((path) => path !== "" && existsSync(path));

if (chromiumPath === undefined)
  console.warn("No Chromium: the browser tests are skipped. `apt-get install chromium`, or set CHINESE_CLIP_CHROMIUM to one.");

/** No network but the test's own server, and nothing that a first start does. */
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts a browser. @param gpu - `software` for WebGPU's software adapter; none by default. */
export async function startBrowser(gpu: "none" | "software" = "none"): Promise<Browser> {
  const flags = gpu === "none" ? ["--disable-gpu"] : ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
  return chromium.launch({ executablePath: chromiumPath ?? "", args: [...FLAGS, ...flags] });
}
