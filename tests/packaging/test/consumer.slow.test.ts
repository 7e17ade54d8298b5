/** The packed packages at work in empty projects: as TypeScript, as JavaScript by `import` and by `require`, and one package alone. */
import { existsSync, readFileSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createConsumer,
  createWorkFolder,
  installedPackages,
  node,
  nodeTypes,
  pack,
  removeWorkFolder,
  tsc,
  type Outcome,
} from "@chinese-clip/consumer";
import { manifestOf, PACKAGES, root } from "./packages.js";
import { readmeSnippets } from "./readme-snippet.js";

const INSTALL_LIMIT = 300_000; // a first install downloads ONNX Runtime
const demo = join(root, "examples", "demo-checkpoint");
const picture = join(root, "examples", "pictures", "04.webp"); // one red star

let work: string;
let all: string;
let alone: string;

beforeAll(async () => {
  work = await createWorkFolder();
  all = join(work, "all");
  alone = join(work, "alone");
  const tarballs = await Promise.all(Object.keys(PACKAGES).map((folder) => pack(folder, join(work, "tarballs"))));
  await createConsumer(all, tarballs);
  await createConsumer(
    alone,
    tarballs.filter((tarball) => tarball.includes("chinese-clip-tokenizer")),
  );
}, INSTALL_LIMIT);

afterAll(() => removeWorkFolder(work));

describe.each(Object.keys(PACKAGES))("the tarball of %s", (folder) => {
  const installed = (): string => join(all, "node_modules", manifestOf(folder).name);

  it("holds what its manifest points at, its sources, README and licence, and no test", () => {
    for (const path of ["README.md", "LICENSE", "dist/index.js", "dist/index.d.ts", "src/index.ts"]) {
      expect(existsSync(join(installed(), path)), path).toBe(true);
    }
    expect(existsSync(join(installed(), "test"))).toBe(false);
  });

  it("depends on versions, not on a workspace", () => {
    const manifest = readFileSync(join(installed(), "package.json"), "utf8");
    expect(manifest).not.toMatch(/workspace:|catalog:/);
  });
});

describe("the README's examples", () => {
  /** What differs between consumers: how modules are resolved, and which globals there are. */
  const variants = [
    { name: "NodeNext, default lib, without @types/node", module: "NodeNext", moduleResolution: "NodeNext", types: [] },
    { name: "Bundler, default lib, without @types/node", module: "ESNext", moduleResolution: "Bundler", types: [] },
    { name: "NodeNext, default lib, @types/node", module: "NodeNext", moduleResolution: "NodeNext", types: ["node"] },
    { name: "Bundler, default lib, @types/node", module: "ESNext", moduleResolution: "Bundler", types: ["node"] },
  ];

  it.each(variants)("compile strictly, libraries included: $name", async ({ name, ...options }) => {
    expect(await compileExamples(name, options)).toMatchObject({ code: 0, stdout: "" });
  });

  it("compile without the DOM's types but for what onnxruntime-common's own declarations want of them", async () => {
    const { stdout } = await compileExamples("no DOM", {
      module: "NodeNext",
      moduleResolution: "NodeNext",
      types: ["node"],
      lib: ["ES2023"],
    });
    const errors = stdout
      .split("\n")
      .filter((line) => line !== "" && !/^\S*node_modules\/onnxruntime-common\/\S+: error TS2304/.test(line));
    expect(errors).toEqual([]);
  });

  it("run as compiled, without a word on the error stream", async () => {
    const out = join(exampleFolder((variants[0] as { name: string }).name), "out");
    for (const [i] of readmeSnippets().entries()) {
      expect(await node(all, join(out, `example-${i}.js`))).toMatchObject({ code: 0, stderr: "" });
    }
  });
});

describe("the command", () => {
  it("runs as npx runs it", async () => {
    const { code, stdout } = await node(all, join("node_modules", "chinese-clip", "dist", "main.js"), "--help");
    expect([code, stdout]).toEqual([0, expect.stringContaining("chinese-clip classify")]);
  });
});

describe("JavaScript", () => {
  const main = `
    const clip = await ChineseCLIP.fromPretrained(${JSON.stringify(demo)});
    const [best] = await clip.classify(${JSON.stringify(picture)}, ["红色的星星", "蓝色的汽车", "一只棕色的猫"]);
    const { count, dim } = await clip.embedText(["红色的星星", "一只棕色的猫"]);
    console.log(JSON.stringify({ label: best.label, count, dim }));
    await clip.dispose();`;
  const expected = { code: 0, stdout: `{"label":"红色的星星","count":2,"dim":128}\n` };

  it("by import", async () => {
    await writeFile(join(all, "main.mjs"), `import { ChineseCLIP } from "@chinese-clip/node";\n${main}`);
    expect(await node(all, "main.mjs")).toMatchObject(expected);
  });

  it("by require of the ES module", async () => {
    await writeFile(join(all, "main.cjs"), `const { ChineseCLIP } = require("@chinese-clip/node");\n(async () => {${main}\n})();`);
    expect(await node(all, "main.cjs")).toMatchObject(expected);
  });
});

describe("@chinese-clip/tokenizer alone", () => {
  it("installs onnxruntime-common and nothing else", async () => {
    expect(await installedPackages(alone)).toEqual(["@chinese-clip/tokenizer", "onnxruntime-common"]);
  });

  it("gives the golden's ids", async () => {
    const golden = readFileSync(join(root, "fixtures", "tokenizer", "cases-demo-vocab.jsonl"), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as { readonly text: string; readonly cn_clip: readonly number[] });
    const texts = JSON.stringify(golden.map(({ text }) => text));
    await writeFile(
      join(alone, "main.mjs"),
      `import { readFileSync } from "node:fs";
       import { BertTokenizer } from "@chinese-clip/tokenizer";
       const tokenizer = BertTokenizer.fromVocab(readFileSync(${JSON.stringify(join(demo, "vocab.txt"))}, "utf8"));
       console.log(JSON.stringify(${texts}.map((text) => tokenizer.encode(text).ids)));`,
    );
    const { code, stdout, stderr } = await node(alone, "main.mjs");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual(golden.map(({ cn_clip }) => cn_clip));
  });
});

/** Compiles the README's examples in a project of its own below the consumer, where `@types/node` is only if `types` names it. */
async function compileExamples(
  name: string,
  options: Readonly<Record<string, unknown>> & { readonly types: readonly string[] },
): Promise<Outcome> {
  const folder = exampleFolder(name);
  await mkdir(join(folder, "node_modules", "@types"), { recursive: true });
  if (options.types.length > 0) await symlink(nodeTypes, join(folder, "node_modules", "@types", "node"), "junction");
  await Promise.all(readmeSnippets().map((code, i) => writeFile(join(folder, `example-${i}.ts`), code)));
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const strict = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false };
  const compilerOptions = { target: "ES2022", outDir: "out", rootDir: ".", ...strict, ...options };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["example-*.ts"] }));
  return node(folder, tsc, "-p", ".");
}

function exampleFolder(name: string): string {
  return join(all, name.replaceAll(/\W+/g, "-"));
}
