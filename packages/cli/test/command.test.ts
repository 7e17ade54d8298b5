import fc from "fast-check";
import { parseArgs } from "node:util";
import { describe, expect, it } from "vitest";
import { type CommandContext, runCommand } from "../src/command.js";

const context = { print: () => undefined, note: () => undefined, language: "en", signal: new AbortController().signal } as const;

interface Parsed {
  readonly values: Readonly<Record<string, unknown>>;
  readonly operands: readonly string[];
}

/** What a command gets of its arguments, or the error's name. */
async function parse(args: readonly string[]): Promise<Parsed | string> {
  let parsed: Parsed | undefined;
  const command = {
    options: {
      labels: { type: "string", short: "l", help: { en: "", zh: "" } },
      in: { type: "string", multiple: true, help: { en: "", zh: "" } },
      watch: { type: "boolean", help: { en: "", zh: "" } },
    },
    examples: [],
    operands: "[image ...]",
    run: async (values: Parsed["values"], _: CommandContext, operands: readonly string[]) => {
      parsed = { values: { ...values }, operands };
      return 0;
    },
  } as const;
  try {
    await runCommand({ name: "look", summary: { en: "", zh: "" }, load: async () => command }, args, context);
  } catch (error) {
    return (error as Error).name;
  }
  return parsed ?? "nothing";
}

describe("arguments", () => {
  it("F1 150,000 images, as a shell makes of *.jpg, cost no more time for each than a few do", async () => {
    const images = Array.from({ length: 150_000 }, (_, i) => `photos/${i}.jpg`);
    const parsed = await parse(["--labels", "猫", ...images, "--in", "a", "--watch", "--in", "b", "last.jpg"]);
    expect(parsed).toEqual({ values: { labels: "猫", in: ["a", "b"], watch: true }, operands: [...images, "last.jpg"] });
  });

  it("I12 a dash before a hundred thousand letters is an error at once, and behind -- a name", async () => {
    const long = `-${"a".repeat(100_000)}`;
    expect(await parse([long])).toBe("UsageError");
    expect(await parse(["--", long])).toEqual({ values: {}, operands: [long] });
  });

  it("many or few, mean the same as one call of parseArgs says, but for empty values", async () => {
    const word = fc.constantFrom("a.jpg", "-", "--", "--labels", "-l", "猫", "--in", "--in=x", "--watch", "--unknown", "");
    const filling = Array.from({ length: 999 }, () => "x.jpg");
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 6 }), fc.nat(4), async (words, before) => {
        const args = [...filling.slice(before), ...words, "y.jpg"];
        const options = {
          labels: { type: "string", short: "l" },
          in: { type: "string", multiple: true },
          watch: { type: "boolean" },
        } as const;
        let expected: Parsed | string;
        try {
          const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
          // An empty value is a mistake here, most often a shell's variable that is not set.
          const isEmpty = values.labels === "" || values.in?.includes("") === true;
          expected = isEmpty ? "UsageError" : { values: { ...values }, operands: positionals };
        } catch {
          expected = "UsageError";
        }
        expect(await parse(args)).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });
});
