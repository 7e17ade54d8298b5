import { expect, it } from "vitest";
import { parseFeature } from "../src/formats/index.js";

it("I11 an id of any depth is shown by its kind", () => {
  const deep = "[".repeat(20_000) + "]".repeat(20_000);
  expect(() => parseFeature(`{"image_id": ${deep}, "feature": [1]}`, "image_id", "f.jsonl", 1)).toThrow("an array of 1");
});
