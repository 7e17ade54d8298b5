/** A list spread into a call becomes its arguments, and some 120,000 of them end in a RangeError (I12): lists that anybody sizes are looped over. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { folderOf, packageFolders } from "../packages.js";

/** The calls in a source that a list is spread into. */
const spreadsIn = (source: string): string[] =>
  source
    .replaceAll(/^\s*(?:\/\/|\*|\/\*).*$/gmu, "")
    .match(/\b(?:push|unshift|concat|max|min|hypot|fromCharCode|fromCodePoint)\((?:[\w.#]+, ?)*\s*\.\.\..*/gu) ?? [];

it("I12 no list of unknown length is spread into a call", () => {
  const found = packageFolders().flatMap((folder) => {
    const sources = join(folderOf(folder), "src");
    return readdirSync(sources, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .flatMap((name) => spreadsIn(readFileSync(join(sources, name), "utf8")).map((call) => `${folder}/${name}: ${call}`));
  });
  expect(found).toEqual([]);
});

it("I12 the lint knows a spread when it sees one", () => {
  expect(spreadsIn("a.push(...b);\nMath.max(0, ...b);\nString.fromCharCode(\n  ...b,\n)")).toHaveLength(3);
  expect(spreadsIn("a.push([...b]);\na.push({ ...b });\nMath.max(a, b);")).toEqual([]);
});
