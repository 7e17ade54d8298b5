import { expect, it } from "vitest";
import { parseLabelLines } from "../../src/zero-shot/index.js";

it.each([["猫\n狗"], ["猫\r\n狗\r\n"], ["猫\r狗\r"], ["\uFEFF猫\n# a comment\n\n 狗 \n猫"]])(
  "labels in lines of any system: %j",
  (text) => {
    expect(parseLabelLines(text)).toEqual(["猫", "狗"]);
  },
);
