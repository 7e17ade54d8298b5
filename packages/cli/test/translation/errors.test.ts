import { CheckpointError } from "@chinese-clip/model";
import { HubError, ImageError } from "@chinese-clip/node";
import { TokenizerError } from "@chinese-clip/tokenizer";
import { describe, expect, it } from "vitest";
import { DATASET_MESSAGES, DatasetError } from "@chinese-clip/dataset";
import { EVALUATION_MESSAGES, EvaluationError } from "@chinese-clip/evaluation";
import { TRAINING_MESSAGES } from "@chinese-clip/training";
import { DATASET_ZH, EVALUATION_ZH, TRAINING_ZH } from "../../src/translation/data-errors-zh.js";
import {
  CHECKPOINT_ZH,
  type ErrorSentence,
  HUB_ZH,
  IMAGE_ZH,
  INFERENCE_ZH,
  SEARCH_ZH,
  TOKENIZER_ZH,
  WORKER_ZH,
} from "../../src/translation/model-errors-zh.js";
import { messageIn, skippedText } from "../../src/translation/translate-error.js";
import { CommandError, t } from "../../src/translation/translate.js";

const names = (sentence: string): string[] => [...new Set(sentence.match(/<\w+>/g))].toSorted();

describe("errors by code in Chinese", () => {
  // That every code has a sentence is checked by the compiler: each table is a record over the package's union of codes.
  it.each([
    ["DatasetError", DATASET_MESSAGES, DATASET_ZH],
    ["EvaluationError", EVALUATION_MESSAGES, EVALUATION_ZH],
    ["TrainingError", TRAINING_MESSAGES, TRAINING_ZH],
  ] as const)(
    "%s: the details of the English sentence, and Chinese",
    (_, english: Record<string, string>, chinese: Record<string, string>) => {
      expect(Object.keys(chinese).toSorted()).toEqual(Object.keys(english).toSorted());
      for (const [code, sentence] of Object.entries(english)) {
        expect(names(chinese[code] ?? ""), code).toEqual(names(sentence));
        expect(chinese[code], code).toMatch(/[\u4e00-\u9fff]/);
      }
    },
  );

  it.each([
    ["CheckpointError", CHECKPOINT_ZH],
    ["HubError", HUB_ZH],
    ["ImageError", IMAGE_ZH],
    ["InferenceError", INFERENCE_ZH],
    ["SearchError", SEARCH_ZH],
    ["TokenizerError", TOKENIZER_ZH],
    ["WorkerError", WORKER_ZH],
  ] as const)("%s: Chinese with and without details", (_, table: object) => {
    for (const [code, sentence] of Object.entries(table as Readonly<Record<string, ErrorSentence>>)) {
      for (const details of [{}, { file: "a.bin", url: "https://hub/a", source: "a.png", maxPixels: 4, width: 3, height: 2 }]) {
        const text = sentence({ message: "expected A, got B", details });
        expect(text, code).toMatch(/[\u4e00-\u9fff]/);
        expect(text, code).not.toMatch(/undefined|\[object/);
      }
    }
  });

  it("say place, details and what to do", () => {
    const line = { file: "a.tsv", line: 2 };
    expect(messageIn(new DatasetError("duplicate-id", { name: "id", id: 1, before: 1, ...line }), "zh")).toBe(
      "a.tsv，第 2 行：id 1 在第 1 行已出现；编号不能重复",
    );
    expect(messageIn(new DatasetError("duplicate-id", { name: "id", id: 1, before: 1, ...line }), "en")).toBe(
      "a.tsv, line 2: id 1 is on line 1 already; each needs its own",
    );
    expect(messageIn(new HubError("not-found", "u: HTTP status 404", { url: "u" }), "zh")).toBe(
      "u：hub 上没有这个模型、版本或文件。请检查模型名与版本",
    );
    expect(messageIn(new CheckpointError("missing-tensor", "…", { tensor: "w", expected: [2, 3] }), "zh")).toBe(
      "缺少张量 w，形状应为 [2, 3]",
    );
    expect(messageIn(new TokenizerError("missing_token", "vocabulary", "the special token [CLS]", "none"), "zh")).toContain("缺少特殊词");
    expect(messageIn(new CommandError(t`--${"in"} is needed; see --help`), "zh")).toBe("缺少 --in；用法见 --help");
    expect(messageIn(new RangeError("fromPretrained: expected X, got Y"), "zh")).toBe("参数不对：expected X, got Y");
    expect(messageIn(new RangeError("fromPretrained: expected X, got Y"), "en")).toBe("expected X, got Y");
  });

  it("put the cause's own sentence in the place of an English reason", () => {
    const cause = new ImageError("truncated", "a.png: expected a whole PNG image", { source: "a.png" });
    expect(messageIn(new EvaluationError("unreadable-image", { reason: cause.message, file: "a.png" }, { cause }), "zh")).toBe(
      "a.png：无法作为图片读取（a.png：图片不完整，文件末尾缺失）。请替换后再运行；若将其删除，数据就变了，需另选输出文件夹",
    );
    expect(skippedText("a.png", cause, "zh")).toBe("跳过 a.png：图片不完整，文件末尾缺失");
    expect(skippedText("b.png", new Error("gone"), "en")).toBe("skipped: b.png: gone");
  });
});
