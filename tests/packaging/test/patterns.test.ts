/**
 * I1: no regular expression of the packages matches in two ways, or takes longer than in proportion to its input. Each is analysed by scslre, which
 * finds exponential and polynomial backtracking; what it reports is rewritten, by a lookbehind that stops a second start, or by a scanner.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { tokenizer } from "acorn";
import { transform } from "esbuild";
import { analyse } from "scslre";
import { describe, expect, it } from "vitest";
import { root } from "./packages.js";

/** Reports about one regular expression. */
function faultsOf(source: string, flags: string): string[] {
  return analyse({ source, flags }).reports.map(({ exponential, type }) => `${exponential ? "exponential" : "polynomial"} (${type})`);
}

/** The regular expressions of a source file. */
async function patternsOf(path: string): Promise<readonly { readonly pattern: string; readonly flags: string }[]> {
  const { code } = await transform(readFileSync(path, "utf8"), { loader: "ts", target: "esnext" });
  return [...tokenizer(code, { ecmaVersion: "latest", sourceType: "module" })].flatMap((token): { pattern: string; flags: string }[] => {
    const value: unknown = "value" in token ? token.value : undefined;
    if (token.type.label !== "regexp" || typeof value !== "object" || value === null) return [];
    const { pattern = "", flags = "" } = value as { readonly pattern?: string; readonly flags?: string };
    return [{ pattern, flags }];
  });
}

describe("I1 regular expressions", () => {
  it.each(readdirSync(join(root, "packages")))("I1 of %s take time in proportion to their input", async (name) => {
    const folder = join(root, "packages", name, "src");
    const faults: string[] = [];
    for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".ts")) continue;
      for (const { pattern, flags } of await patternsOf(join(folder, file)))
        faults.push(...faultsOf(pattern, flags).map((fault) => `${file}: /${pattern}/${flags} is ${fault}`));
    }
    expect(faults).toEqual([]);
  });

  it("I1 a pattern with two ways to match is found", () => {
    expect(faultsOf(String.raw`^\s*(?:<\?xml[^>]*>|<!--[\s\S]*?-->|\s)*<svg`, "i")).not.toEqual([]);
    expect(faultsOf(String.raw`\s+$`, "")).not.toEqual([]);
    expect(faultsOf(String.raw`(?<!\s)\s+$`, "")).toEqual([]);
  });
});
