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
  /** Packages, all of whose exports are in the bundle. */
  readonly packages: readonly string[];
  /** Instead of all exports: these. */
  readonly exports?: readonly string[];
  /** Hosts that may be named, since they are asked when the user says so. */
  readonly hosts?: readonly string[];
  /** In bytes, after minification and gzip -9. */
  readonly ceiling: number;
  readonly reason: string;
}

const BUNDLES: readonly BundleRule[] = [
  {
    name: "tokenizer",
    packages: ["tokenizer"],
    ceiling: 10_050,
    reason:
      "ids and back: 5.8 kB; the rest is onnxruntime-common's Tensor, one class that no bundler can cut, of a package whose only entry is the whole (Tensor's own module alone would make it 9,641); encodeBatch returns one at once, and callers compare by instanceof, so it is neither loaded later nor copied; since 9,900 options that are null and batches beyond memory are rejected",
  },
  {
    name: "image-processor",
    packages: ["image-processor"],
    ceiling: 12_700,
    reason:
      "two resizers and the processors, a third of it onnxruntime-common's Tensor; since 9,500 also a WebAssembly kernel, for its speed; since 12,250 also planar and float images, and settings per call",
  },
  {
    name: "model",
    packages: ["model"],
    ceiling: 15_000,
    reason:
      "the reader of safetensors, configurations, towers and the ONNX encoder; graph builders and torch's formats load lazily, ONNX files have an entry of their own",
  },
  {
    name: "everything but a runtime",
    packages: ["tokenizer", "image-processor", "model", "pipeline"],
    ceiling: 40_000,
    reason: "less than a thousandth of the smallest model's weights: code is never what a user waits for",
  },
  {
    name: "search",
    packages: ["search"],
    ceiling: 13_250,
    reason:
      "an index in a page: vectors, exact top-k with its WebAssembly kernel, queries, filters and a store in memory; since 6,500 also near-duplicates in three tiers, filters as text with patterns of paths, and vectors in int8; since 11,100 a store over several, with deadlines and partial answers; since 12,700 space for rows that a file is read into; since 12,750 calls without types end in errors that say what was expected",
  },
  {
    name: "web",
    packages: ["web"],
    hosts: ["https://huggingface.co"],
    ceiling: 50_000,
    reason:
      "all that a page can do, without the runtime; a third of what transformers.js weighs; graph builders load lazily; since 45,000 also vector search, requests bounded in time and size, limits of an image, and typed errors of sessions, and errors that show no secrets of addresses; torch's formats, configurations of releases and the options of a tokenizer load lazily",
  },
  {
    name: "web, the text tower alone",
    packages: ["web"],
    exports: ["ChineseCLIPTextModel", "BertTokenizer"],
    hosts: ["https://huggingface.co"],
    ceiling: 33_000,
    reason:
      "a text backbone: no image is decoded or resized, and no image tower built; since 30,000 also the configurations of cn_clip's releases",
  },
  {
    name: "web, text features",
    packages: ["web"],
    exports: ["ChineseCLIPModel", "BertTokenizer"],
    hosts: ["https://huggingface.co"],
    ceiling: 33_000,
    reason:
      "a search box over embeddings that are there; what only some models or sources need loads lazily; since 30,500 also the configurations of cn_clip's releases, and requests bounded in time and size",
  },
];

/** Traces of Node and of hosts that a platform-free package has no business with. `gpuBuffer` and `ArrayBuffer` are not Node's `Buffer`. */
const FORBIDDEN = [/node:/, /https?:\/\//, /(?<![\w$.])Buffer\b/, /(?<![\w$.])process\./];

/** The code that is loaded at once, and that with the chunks that a dynamic import brings in later, such as the reader of a format. */
async function bundle({ packages, exports }: BundleRule): Promise<{ atOnce: string; all: string }> {
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: packages
        .map((name) => `export ${exports === undefined ? "*" : `{ ${exports.join(", ")} }`} from "@chinese-clip/${name}";`)
        .join("\n"),
      resolveDir: `${root}/tests/packaging`,
    },
    bundle: true,
    splitting: true,
    outdir: "out",
    metafile: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    legalComments: "none",
    // The runtime is not what is weighed.
    external: ["onnxruntime-web/*"],
    logLevel: "silent",
  });
  const entry = Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint === "<stdin>")?.[0] ?? "";
  const loaded = new Set([entry]);
  for (const path of loaded) {
    for (const { path: imported, kind } of metafile.outputs[path]?.imports ?? []) if (kind === "import-statement") loaded.add(imported);
  }
  const texts = [...loaded].map((path) => outputFiles.find((file) => file.path.endsWith(`/${path}`))?.text);
  expect(texts.every((text) => text !== undefined && text.length > 0)).toBe(true);
  return { atOnce: texts.join("\n"), all: outputFiles.map(({ text }) => text).join("\n") };
}

describe.each(BUNDLES)("$name", (rule) => {
  const { name, ceiling, reason, hosts = [] } = rule;

  it(`is at most ${ceiling} bytes: ${reason}`, async () => {
    const { atOnce, all } = await bundle(rule);
    const size = gzipSync(atOnce, { level: 9 }).length;
    const rest = gzipSync(all, { level: 9 }).length - size;
    console.info(`${name}: ${atOnce.length} bytes minified, ${size} gzipped (ceiling ${ceiling}); on demand ${rest} more`);
    expect(size).toBeLessThanOrEqual(ceiling);
  });

  it("holds no trace of a platform or a host", async () => {
    const { all } = await bundle(rule);
    const other = hosts.reduce((text, host) => text.replaceAll(host, ""), all);
    expect(FORBIDDEN.flatMap((pattern) => pattern.exec(other) ?? [])).toEqual([]);
  });
});
