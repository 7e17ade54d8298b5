import { describe, expect, it } from "vitest";
import { combine, parseQuery } from "../../src/query/query.js";

const short = (text: string): string[] => parseQuery(text).map(({ kind, content, weight }) => `${weight} ${kind} ${content}`);

describe("queries", () => {
  it.each([
    ["猫", ["1 text 猫"]],
    ["2:猫 - 狗", ["2 text 猫", "-1 text 狗"]],
    ["@a b.jpg + 0.5：下雪", ["1 image a b.jpg", "0.5 text 下雪"]],
    ["- 狗 + 2:@c.png", ["-1 text 狗", "2 image c.png"]],
    ['"猫 - 狗" + T-shirt', ["1 text 猫 - 狗", "1 text T-shirt"]],
    ["时间 12:30", ["1 text 时间 12:30"]],
    ['"3:2" - x', ["1 text 3:2", "-1 text x"]],
  ])("%s", (text, parts) => expect(short(text)).toEqual(parts));

  it.each([undefined, null, 5])("%s is no text", (value) => {
    expect(() => parseQuery(value as never)).toThrow(/^parseQuery: expected a string, got/);
  });

  it.each(["猫 + @", "2: - 狗", "0:猫", '"猫'])("%s cannot be followed", (text) => expect(() => parseQuery(text)).toThrow(/^query: /));

  it("are a weighted sum at length 1; parts that cancel out are a mistake", () => {
    const [x, y] = [Float32Array.of(1, 0), Float32Array.of(0, 1)];
    expect([...combine(parseQuery("3:a - 4:b"), [x, y])]).toEqual([Math.fround(0.6), Math.fround(-0.8)]);
    expect(() => combine(parseQuery("a - b"), [x, x])).toThrow("cancel out");
  });
});

it.each(["\u001b[31m" + "猫".repeat(1_000_000) + '"', "猫 + " + "\u0007".repeat(10) + " + "])(
  "I17 a bad query is shown in part, without what a terminal acts on",
  (query) => {
    let message = "";
    try {
      parseQuery(query);
    } catch (error) {
      message = String(error);
    }
    expect(message.length).toBeLessThan(1000);
    expect(message).not.toMatch(/\p{Cc}/u);
  },
);

it("a weight that no number holds is rejected, and small ones count against each other", () => {
  expect(() => parseQuery(`${"9".repeat(400)}:猫`)).toThrow(expect.objectContaining({ code: "zero-weight" }));
  const [cat, dog] = [Float32Array.of(1, 0), Float32Array.of(0, 1)];
  const parts = parseQuery("0.0000001:猫 + 0.0000002:狗");
  const [x = 0, y = 0] = combine(parts, [cat, dog]);
  expect(y / x).toBeCloseTo(2, 6);
});
