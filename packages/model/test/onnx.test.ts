import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeModel } from "../src/onnx/write/encode-model.js";
import { ProtobufWriter } from "../src/onnx/write/protobuf-writer.js";
import { messages, readFields, strings } from "./protobuf-reader.js";

/** Any code point but surrogates. `unit: "binary"` sorts all of them first, seven seconds' work. */
const character = fc
  .integer({ min: 0, max: 0x10ffff })
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code));

describe("ProtobufWriter", () => {
  it("writes what a reader reads back", () => {
    const field = fc.oneof(
      fc.record({ kind: fc.constant("int" as const), value: fc.maxSafeInteger() }),
      fc.record({ kind: fc.constant("float" as const), value: fc.float({ noNaN: true }) }),
      fc.record({
        kind: fc.constant("string" as const),
        value: fc.string({ unit: character }),
      }),
      fc.record({ kind: fc.constant("bytes" as const), value: fc.uint8Array({ maxLength: 300 }) }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 2000 }), field), { maxLength: 20 }), (list) => {
        const writer = new ProtobufWriter();
        for (const [number, item] of list) {
          if (item.kind === "int") writer.int(number, item.value);
          else if (item.kind === "float") writer.float(number, item.value);
          else if (item.kind === "string") writer.string(number, item.value);
          else writer.bytes(number, item.value);
        }
        const fields = readFields(writer.finish());
        for (const number of new Set(list.map(([n]) => n))) {
          const expected = list
            .filter(([n]) => n === number)
            .map(([, { kind, value }]) => (kind === "int" ? BigInt(value) : kind === "string" ? new TextEncoder().encode(value) : value));
          expect(fields.get(number)).toEqual(expected);
        }
      }),
    );
  });

  it("grows for large fields and nests messages", () => {
    const large = new Uint8Array(100_000).map((_, i) => i & 0xff);
    const writer = new ProtobufWriter();
    writer.message(1, (inner) => inner.message(2, (innermost) => innermost.bytes(3, large)));
    const innermost = messages(messages(readFields(writer.finish()), 1)[0]!, 2)[0]!;
    expect(innermost.get(3)).toEqual([large]);
  });
});

describe("encodeModel", () => {
  it("puts every part of a model where onnx.proto says", () => {
    const model = readFields(
      encodeModel({
        name: "test",
        inputs: [{ name: "x", type: "float32", dims: ["batch", 3] }],
        outputs: [{ name: "y", type: "int64", dims: [] }],
        initializers: [
          { name: "w", type: "float32", dims: [2, 5], data: { location: "model.safetensors", offset: 2 ** 33, length: 40 } },
          { name: "c", type: "int64", dims: [1], data: new Uint8Array(8) },
        ],
        nodes: [
          {
            opType: "Gelu",
            domain: "com.microsoft",
            inputs: ["x", "", "w"],
            outputs: ["y"],
            attributes: {
              i: { kind: "int", value: -1 },
              f: { kind: "float", value: 0.5 },
              s: { kind: "string", value: "cubic" },
              l: { kind: "ints", value: [1, -2] },
            },
          },
        ],
      }),
    );
    expect(model.get(1)).toEqual([9n]);
    expect(messages(model, 8).map((opset) => [strings(opset, 1)[0], opset.get(2)?.[0]])).toEqual([
      ["", 18n],
      ["com.microsoft", 1n],
    ]);
    const graph = messages(model, 7)[0]!;
    const node = messages(graph, 1)[0]!;
    expect([strings(node, 1), strings(node, 2), strings(node, 4), strings(node, 7)]).toEqual([
      ["x", "", "w"],
      ["y"],
      ["Gelu"],
      ["com.microsoft"],
    ]);
    const [i, f, s, l] = messages(node, 5);
    expect([i!.get(3), i!.get(20)]).toEqual([[-1n], [2n]]);
    expect([f!.get(2), f!.get(20)]).toEqual([[0.5], [1n]]);
    expect([strings(s!, 4), s!.get(20)]).toEqual([["cubic"], [3n]]);
    expect([l!.get(8), l!.get(20)]).toEqual([[1n, -2n], [7n]]);
    const [w, c] = messages(graph, 5);
    expect([w!.get(1), w!.get(2), w!.get(14)]).toEqual([[2n, 5n], [1n], [1n]]);
    expect(messages(w!, 13).map((entry) => [strings(entry, 1)[0], strings(entry, 2)[0]])).toEqual([
      ["location", "model.safetensors"],
      ["offset", "8589934592"],
      ["length", "40"],
    ]);
    expect([c!.get(9), c!.get(14)]).toEqual([[new Uint8Array(8)], undefined]);
    const shape = messages(messages(messages(messages(graph, 11)[0]!, 2)[0]!, 1)[0]!, 2)[0]!;
    expect(messages(shape, 1).map((dim) => [strings(dim, 2)[0], dim.get(1)?.[0]])).toEqual([
      ["batch", undefined],
      [undefined, 3n],
    ]);
  });
});
