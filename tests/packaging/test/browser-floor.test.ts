/**
 * The oldest browsers that `browserslist` in packages/web/package.json names run what a page loads: no syntax and no method in the built files
 * is newer. Versions are MDN's.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { transform } from "esbuild";
import { describe, expect, it } from "vitest";
import { root } from "./packages.js";

/** Packages whose code runs in browsers. */
const PACKAGES = ["tokenizer", "image-processor", "model", "pipeline", "web"];

const { browserslist } = JSON.parse(readFileSync(join(root, "packages/web/package.json"), "utf8")) as { browserslist: readonly string[] };

/** What a browser has since which versions. */
interface Feature {
  readonly pattern: RegExp;
  readonly chrome: number;
  readonly firefox: number;
  readonly safari: number;
}

/** Methods of the last years; what is older than all floors is not listed. */
const FEATURES: readonly Feature[] = [
  { pattern: /\.(?:toSorted|toReversed|toSpliced)\(/u, chrome: 110, firefox: 115, safari: 16 },
  { pattern: /\.findLast(?:Index)?\(/u, chrome: 97, firefox: 104, safari: 15.4 },
  { pattern: /\bArray\.fromAsync\b/u, chrome: 121, firefox: 115, safari: 16.4 },
  { pattern: /\b(?:Object|Map)\.groupBy\b/u, chrome: 117, firefox: 119, safari: 17.4 },
  { pattern: /\bPromise\.withResolvers\b/u, chrome: 119, firefox: 121, safari: 17.4 },
  { pattern: /\bPromise\.try\b/u, chrome: 128, firefox: 134, safari: 18.2 },
  { pattern: /\bAbortSignal\.any\b/u, chrome: 116, firefox: 124, safari: 17.4 },
  { pattern: /\bAbortSignal\.timeout\b/u, chrome: 103, firefox: 100, safari: 16 },
  { pattern: /\.(?:isWellFormed|toWellFormed)\(/u, chrome: 111, firefox: 119, safari: 16.4 },
  { pattern: /\bURL\.canParse\b/u, chrome: 120, firefox: 115, safari: 17 },
  { pattern: /\bURL\.parse\b/u, chrome: 126, firefox: 126, safari: 18 },
  {
    pattern: /\.(?:isSubsetOf|isSupersetOf|isDisjointFrom|symmetricDifference|union|intersection)\(/u,
    chrome: 122,
    firefox: 127,
    safari: 17,
  },
  {
    pattern: /\bIterator\.from\b|\.(?:keys|values|entries)\(\)\.(?:map|filter|take|drop|toArray)\(/u,
    chrome: 122,
    firefox: 131,
    safari: 18.4,
  },
  { pattern: /\bReadableStream\.from\b/u, chrome: 999, firefox: 117, safari: 999 },
  { pattern: /for await \([^)]*\bof [\w.]*\.(?:body|stream\(\))\)/u, chrome: 124, firefox: 110, safari: 999 },
  { pattern: /\bFloat16Array\((?!\))|\bMath\.f16round\b/u, chrome: 135, firefox: 129, safari: 18.2 },
  { pattern: /\.(?:fromBase64|toBase64|fromHex|toHex)\(/u, chrome: 140, firefox: 133, safari: 18.2 },
  { pattern: /\.transferToFixedLength\(/u, chrome: 114, firefox: 122, safari: 17.4 },
  { pattern: /\bRegExp\.escape\b/u, chrome: 136, firefox: 134, safari: 18.2 },
  { pattern: /\bError\.isError\b/u, chrome: 134, firefox: 138, safari: 999 },
];

/** The built files, without ONNX Runtime's, whose floor is its own. */
const files = PACKAGES.flatMap((name) => {
  const dist = join(root, "packages", name, "dist");
  return readdirSync(dist)
    .filter((file) => file.endsWith(".js") && file !== "node.js") // pipeline's entry for Node.js
    .map((file) => [`${name}/dist/${file}`, readFileSync(join(dist, file), "utf8")] as const);
});

/** Whether a browser of the floor lacks a feature. */
function isTooNew(feature: Feature): boolean {
  return browserslist.some((entry) => {
    const [browser, version] = entry.split(" ");
    return feature[browser as "chrome" | "firefox" | "safari"] > Number(version);
  });
}

describe("B4: the browsers that are named", () => {
  it("are a version each of Chrome, Firefox and Safari, and README names the same", () => {
    expect(browserslist.map((entry) => entry.replace(/[\d.]+$/u, "*"))).toEqual(["chrome *", "firefox *", "safari *"]);
    for (const name of ["README.md", "README.zh-CN.md"]) {
      const readme = readFileSync(join(root, "packages/web", name), "utf8");
      for (const entry of browserslist) expect(readme.toLowerCase()).toContain(entry);
    }
  });

  it.each(files)("have every method of %s", (_, code) => {
    const found = FEATURES.filter(isTooNew).flatMap(({ pattern }) => pattern.exec(code)?.[0] ?? []);
    expect(found).toEqual([]);
  });

  it("parse all of the syntax", async () => {
    const target = browserslist.map((entry) => entry.replace(" ", ""));
    for (const [name, code] of files) {
      const [floor, next] = await Promise.all([transform(code, { target }), transform(code, { target: "esnext" })]);
      expect(floor.code === next.code, name).toBe(true);
    }
  });
});
