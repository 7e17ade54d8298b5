/** JSON in runs: what `JSON.parse` makes of it, the same bytes rejected, and other work in between. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import fc from "fast-check";
import { expect, it } from "vitest";
import { parseJsonSteps } from "../../src/input/parse-json-steps.js";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const never = new AbortController().signal;

/** What is parsed, or that it is rejected. */
async function steps(bytes: Uint8Array, run: number): Promise<unknown> {
  return parseJsonSteps(bytes, never, run).catch((error: { readonly code?: string }) => {
    if (error.code !== "invalid-json") throw error;
    return REJECTED;
  });
}

function whole(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return REJECTED;
  }
}

const REJECTED = Symbol("rejected");

it("parses what JSON.parse does, however small the runs, and rejects what it rejects", async () => {
  const text = fc
    .tuple(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom(undefined, 1, "\t"))
    .map(([value, space]) => JSON.stringify(value, null, space));
  const edit = fc.record({
    at: fc.nat(),
    what: fc.constantFrom(",", "[", "]", "{", "}", '"', "\\", ":", " ", "0", "é", ""),
    removed: fc.nat({ max: 2 }),
  });
  await fc.assert(
    fc.asyncProperty(text, fc.array(edit, { maxLength: 2 }), fc.constantFrom(1, 2, 5, 20), async (valid, edits, run) => {
      let changed = valid;
      for (const { at, what, removed } of edits) {
        const place = at % (changed.length + 1);
        changed = changed.slice(0, place) + what + changed.slice(place + removed);
      }
      for (const one of [valid, changed]) expect(await steps(bytesOf(one), run)).toEqual(whole(bytesOf(one)));
    }),
    { numRuns: 1500 },
  );
});

it.each([
  "[]",
  " [ ] ",
  "{}",
  "[1,,2]",
  "[,1]",
  "[1,]",
  "[1",
  "1]",
  "[1]]",
  "[1] 2",
  "[[1],[2],]",
  '{"a":[1],"b":{"c":[2]}}',
  '{"a":[1],}',
  "{[1]}",
  '{"a" [1]}',
  '{"a":1 "b":[1]}',
  '["a]", "b\\"]"]',
  '{"__proto__":[1],"a":{"__proto__":2}}',
  '{"a":1,"a":[2]}',
  "\ufeff[1]",
  "[\ufeff1]",
  '["\ufeff"]',
  "[1]\u00a0",
  "[1}",
  '[{"a":[1}]]',
  "[[1] [2]]",
  "[[1]2]",
  "",
])("takes %j as JSON.parse does", async (text) => {
  for (const run of [1, 3]) {
    const [found, expected] = [await steps(bytesOf(text), run), whole(bytesOf(text))];
    expect(found).toEqual(expected);
    if (text.includes("__proto__")) expect(Object.keys(found as object)).toEqual(["__proto__", "a"]);
  }
});

it("lets other work run: 6 MB of numbers, and of objects", async () => {
  const numbers = JSON.stringify({
    items: Array.from({ length: 150 }, (_, i) => ({ id: `${i}`, vector: Array.from({ length: 2000 }, (__, k) => Math.sin(i + k)) })),
  });
  const objects = JSON.stringify({ items: Array.from({ length: 150_000 }, (_, i) => ({ id: i, ["meta"]: "x" })) });
  const flat = JSON.stringify(Array.from({ length: 300_000 }, (_, i) => Math.sin(i)));
  for (const text of [numbers, objects, flat]) {
    const bytes = bytesOf(text);
    let turns = 0;
    let isDone = false;
    const tick = (): void => {
      turns++;
      if (!isDone) setTimeout(tick, 0);
    };
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    tick();
    const found = await parseJsonSteps(bytes, never);
    isDone = true;
    delay.disable();
    expect(JSON.stringify(found) === text).toBe(true);
    expect(turns).toBeGreaterThan(4);
    if (process.env["CHINESE_CLIP_SHOW"] !== undefined)
      console.log(`${bytes.length >> 20} MiB, ${turns} turns, longest pause ${(delay.max / 1e6).toFixed(0)} ms`);
  }
});

it("ends with the request", async () => {
  const reason = new Error("gone");
  const controller = new AbortController();
  const parsing = parseJsonSteps(bytesOf(JSON.stringify(Array.from({ length: 1_000_000 }, (_, i) => i / 7))), controller.signal);
  controller.abort(reason);
  await expect(parsing).rejects.toBe(reason);
});

it.each([
  ["digits in a list", `[1,${"1".repeat(5000)}]`],
  ["digits alone", "1".repeat(5000)],
  ["a word in an object", `{"a":${"x".repeat(5000)}}`],
])("rejects %s that are longer than any number, of which JSON.parse would make one for seconds", async (_, text) => {
  expect(await steps(bytesOf(text), 100)).toBe(REJECTED);
});

it.each([
  `${" ".repeat(9000)}[1,${"\n".repeat(9000)}[2]${"\t".repeat(9000)}]${" ".repeat(9000)}`,
  `"${"1".repeat(9000)}"`,
  `["${"1".repeat(9000)}"]`,
])("takes as much white space, and as long strings, as JSON.parse does", async (text) => {
  expect(await steps(bytesOf(text), 100)).toEqual(JSON.parse(text));
});
