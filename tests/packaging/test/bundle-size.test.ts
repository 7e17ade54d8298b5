/**
 * What a bundler makes of the packages: bytes that every visitor of a page downloads. A ceiling is raised only with a reason beside it; what
 * belongs to a platform must not appear at all.
 */
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { root } from "./packages.js";

/** Of one bundle: what it exports, and its ceiling. */
interface BundleRule {
  readonly name: string;
  readonly packages: readonly string[];
  /** In bytes, after minification and gzip -9. */
  readonly ceiling: number;
  readonly reason: string;
}

const BUNDLES: readonly BundleRule[] = [
  {
    name: "tokenizer",
    packages: ["tokenizer"],
    ceiling: 9_000,
    reason: "a search box needs ids and nothing else; half of it is onnxruntime-common's Tensor",
  },
  {
    name: "image-processor",
    packages: ["image-processor"],
    ceiling: 9_500,
    reason: "two resizers and the processors; half of it is onnxruntime-common's Tensor",
  },
  {
    name: "model",
    packages: ["model"],
    ceiling: 27_000,
    reason:
      "readers of every published checkpoint format, graph builders, the ONNX encoder: in place of an export; since 24,000 also a reader of exports, which cuts them into towers, and the layout of new ones",
  },
  {
    name: "everything but a runtime",
    packages: ["tokenizer", "image-processor", "model", "pipeline"],
    ceiling: 40_000,
    reason: "less than a thousandth of the smallest model's weights: code is never what a user waits for",
  },
];

/** Traces of Node and of hosts that a platform-free package has no business with. `gpuBuffer` and `ArrayBuffer` are not Node's `Buffer`. */
const FORBIDDEN = [/node:/, /https?:\/\//, /(?<![\w$.])Buffer\b/, /(?<![\w$.])process\./];

async function bundle(packages: readonly string[]): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: packages.map((name) => `export * from "@chinese-clip/${name}";`).join("\n"),
      resolveDir: `${root}/tests/packaging`,
    },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    legalComments: "none",
    logLevel: "silent",
  });
  return (outputFiles[0] as { text: string }).text;
}

describe.each(BUNDLES)("$name", ({ name, packages, ceiling, reason }) => {
  it(`is at most ${ceiling} bytes: ${reason}`, async () => {
    const code = await bundle(packages);
    const size = gzipSync(code, { level: 9 }).length;
    console.info(`${name}: ${code.length} bytes minified, ${size} gzipped (ceiling ${ceiling})`);
    expect(size).toBeLessThanOrEqual(ceiling);
  });

  it("holds no trace of a platform or a host", async () => {
    const code = await bundle(packages);
    expect(FORBIDDEN.flatMap((pattern) => pattern.exec(code) ?? [])).toEqual([]);
  });
});
