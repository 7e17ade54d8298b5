import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { MESSAGES_ZH } from "../../src/translation/messages-zh.js";
import { t } from "../../src/translation/translate.js";

const SRC = fileURLToPath(new URL("../../src", import.meta.url));

/** What follows a tag in a source, as the tag gets it: its text with `$1`, `$2` for the values. */
function keyAt(source: string, start: number): string {
  let key = "";
  let values = 0;
  for (let at = start; source[at] !== "`"; at++) {
    if (source[at] === "\\") {
      at++;
      key += source[at];
    } else if (source.startsWith("${", at)) {
      key += `$${++values}`;
      let depth = 1;
      for (at += 2; depth > 0; at++) depth += source[at] === "{" ? 1 : source[at] === "}" ? -1 : 0;
      at--;
    } else key += source[at];
    if (at >= source.length) throw new Error(`a template that does not end: ${key.slice(0, 80)}`);
  }
  return key;
}

const said = new Set<string>();
for (const name of readdirSync(SRC, { recursive: true, encoding: "utf8" })) {
  if (!name.endsWith(".ts") || name.endsWith("translate.ts")) continue;
  const source = readFileSync(join(SRC, name), "utf8");
  for (const { index } of source.matchAll(/(?<![\w$])t`/g)) said.add(keyAt(source, index + 2));
}

describe("the command's own messages", () => {
  it("are all there in Chinese, and none that is not said", () => {
    expect(said.size).toBeGreaterThan(35);
    expect([...said].filter((key) => !(key in MESSAGES_ZH)).toSorted()).toEqual([]);
    expect(Object.keys(MESSAGES_ZH).filter((key) => !said.has(key))).toEqual([]);
  });

  it("have every value in Chinese too, and Chinese in them", () => {
    const values = (text: string): string[] => [...new Set(text.match(/\$\d/g))].toSorted();
    for (const [en, zh] of Object.entries(MESSAGES_ZH)) {
      expect(
        values(en).filter((value) => !zh.includes(value)),
        en,
      ).toEqual([]);
      expect(
        values(zh).filter((value) => !en.includes(value)),
        en,
      ).toEqual([]);
      if (/[a-z]{2}/.test(en.replaceAll(/\$\d|--\S+/g, ""))) expect(zh, en).toMatch(/[\u4e00-\u9fff；]/);
    }
  });

  it("are filled once, in either language", () => {
    expect(t`--${"in"} is needed; see --help`).toEqual({ en: "--in is needed; see --help", zh: "缺少 --in；用法见 --help" });
    const inner = { en: "a model", zh: "模型" };
    expect(t`expected ${inner}, got also ${"$1"}; see --help`.zh).toBe("只需要模型，多出了 $1；用法见 --help");
  });
});
