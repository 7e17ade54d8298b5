import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Direction } from "../../src/cn-clip/direction.js";
import { formatJudgement, judgePredictions } from "../../src/cn-clip/recall.js";

interface Case {
  readonly name: string;
  readonly direction: Direction;
  readonly reference: string;
  readonly predictions: string;
  readonly output: string;
}

/** cn_clip's result files for these inputs, successes and failures, as CPython 3.11 wrote them. */
const cases = readFileSync(new URL("../../../../fixtures/evaluation/judgements.jsonl", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Case);

describe("the result file of evaluation.py and evaluation_tr.py, byte for byte", () => {
  it.each(cases)("$direction: $name", ({ reference, predictions, direction, output }) => {
    expect(formatJudgement(judgePredictions(reference, predictions, direction))).toBe(output);
  });

  it("a failure at a line names it", () => {
    const reference = '{"text_id": 1, "image_ids": [1]}\n';
    const prediction = '{"text_id": 1, "image_ids": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}\n';
    const place = (golden: string, submitted: string): unknown => {
      const judgement = judgePredictions(golden, submitted, "text-to-image");
      return judgement.success ? "success" : judgement.place;
    };
    expect(place(`${reference}{}\n`, prediction)).toEqual({ file: "reference", line: 2 });
    expect(place(reference, `${prediction}${prediction}\n`)).toEqual({ file: "predictions", line: 3 });
    expect(place(reference, "")).toBeUndefined();
  });

  it("whatever the line, there is a judgement", () => {
    const good = '{"text_id": 1, "image_ids": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}';
    const line = fc.oneof(
      fc.string(),
      fc.json(),
      fc.tuple(fc.nat(good.length), fc.string({ maxLength: 3 })).map(([at, text]) => good.slice(0, at) + text + good.slice(at + 1)),
    );
    fc.assert(
      fc.property(line, line, (reference, predictions) => {
        expect(() => judgePredictions(reference, predictions, "text-to-image")).not.toThrow();
      }),
    );
  });
});
