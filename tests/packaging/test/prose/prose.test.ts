/** The glossary's left column stands in no source, message or document. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { packageFolders, root } from "../packages.js";
import { EXCEPTIONS, GLOSSARY } from "./glossary.js";

/** A word that is not written here, where it stands. */
interface Finding {
  readonly path: string;
  readonly line: number;
  readonly found: string;
  readonly write: string;
}

const paths = [
  ...packageFolders().flatMap((folder) => filesBelow(`packages/${folder}/src`)),
  ...["bench/src", "examples/src", "examples/tokenizer-only/src", "scripts", "tools", "docs", ".changeset", ".github"].flatMap(filesBelow),
  ...[
    ".",
    ...packageFolders().map((folder) => `packages/${folder}`),
    "bench",
    "examples/demo-checkpoint",
    "examples/tokenizer-only",
  ].flatMap(documentsIn),
  ...["examples/web-search", "fixtures", "tests/packaging"].flatMap(documentsIn),
];

it("sources, messages and documents use the words of the field", () => {
  expect(paths.length).toBeGreaterThan(20);
  const findings = paths.flatMap((path) => findingsIn(path, readFileSync(join(root, path), "utf8")));
  expect(findings.map(({ path, line, found, write }) => `${path}:${line}: "${found}", write: ${write}`)).toEqual([]);
});

it.each([
  ["/** The picture's number format. */", ["number format", "picture"]],
  ["throw new RangeError(`count: expected a whole number`);", ["whole number"]],
  ["/** Of two vectors of norm 1. */", ["** Of t"]],
  ["// Nothing is loaded, for it would be too large.", [", for it would"]],
  ["Who wants the same bits always decides once.", ["Who wants"]],
  ["The texts are passed over, and the towers cached anew.", ["passed over", "anew"]],
  ["Promise.allSettled(images).then((settled) => settled.length)", ["settled"]],
  ["The images are cached. 图片已缓存。", []],
])("%s", (line, expected) => {
  expect(findingsIn("packages/web/src/a.ts", line).map(({ found }) => found)).toEqual(expected);
});

it("every exception is needed", () => {
  const texts = paths.map((path) => ({ path, lines: readFileSync(join(root, path), "utf8").split("\n") }));
  const unused = EXCEPTIONS.filter(
    ({ path: pattern, text }) =>
      !texts.some(({ path, lines }) => pattern.test(path) && lines.some((line) => text.test(line) && hasTerm(path, line))),
  );
  expect(unused).toEqual([]);
});

function findingsIn(path: string, text: string): Finding[] {
  return text.split("\n").flatMap((line, i) => {
    if (EXCEPTIONS.some((exception) => exception.path.test(path) && exception.text.test(line))) return [];
    return GLOSSARY.filter(({ within }) => within?.test(path) ?? true).flatMap(({ avoid, write }) => {
      const found = avoid.exec(line)?.[0];
      return found === undefined ? [] : [{ path, line: i + 1, found: found.trim(), write }];
    });
  });
}

function hasTerm(path: string, line: string): boolean {
  return GLOSSARY.some(({ avoid, within }) => (within?.test(path) ?? true) && avoid.test(line));
}

/** Sources and documents below a folder, relative to the root; none where it is not there. */
function filesBelow(folder: string): string[] {
  return list(folder, true).filter((path) => /\.(?:ts|mjs|md|ya?ml)$/.test(path) && !/node_modules|\/(?:dist|\.test|\.turbo)\//.test(path));
}

/** The documents in a folder itself; Chinese ones are their translators' matter. */
function documentsIn(folder: string): string[] {
  return list(folder, false).filter((path) => /^(?!.*\.zh-CN\.md$).*\.md$/.test(path) && !path.endsWith(".api.md"));
}

function list(folder: string, recursive: boolean): string[] {
  try {
    return readdirSync(join(root, folder), { recursive, encoding: "utf8" }).map((name) => (folder === "." ? name : `${folder}/${name}`));
  } catch {
    return [];
  }
}
