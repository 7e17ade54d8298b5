import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CheckpointError, type CheckpointFile } from "../src/index.js";
import { readCombinedOnnx } from "../src/onnx.js";
import { encodeModel } from "../src/onnx/write/encode-model.js";
import type { Attribute, Initializer, Model, Node, ValueInfo } from "../src/onnx/write/ir.js";
import { ProtobufWriter } from "../src/onnx/write/protobuf-writer.js";
import { fixtureBytes, fixtureJson, memoryFile } from "./fixtures.js";
import { messages, readFields, strings } from "./protobuf-reader.js";

const FEATURES = { kind: "features" } as const;
const byName = (a: string, b: string): number => (a < b ? -1 : 1);
const nothing = async (): Promise<undefined> => undefined;

const node = (opType: string, inputs: string[], outputs: string[], attributes: Record<string, Attribute> = {}): Node => ({
  opType,
  domain: "",
  inputs,
  outputs,
  attributes,
});
const ids: ValueInfo = { name: "input_ids", type: "int64", dims: ["B", "L"] };
const mask: ValueInfo = { name: "attention_mask", type: "int64", dims: ["B", "L"] };
const pixels: ValueInfo = { name: "pixel_values", type: "float32", dims: ["I", 3, 2, 2] };
const output = (name: string): ValueInfo => ({ name, type: "float32", dims: ["B", 4] });
const weights = (name: string, count: number, data: Initializer["data"]): Initializer => ({ name, type: "float32", dims: [count], data });
const scalar = (name: string, value: number): Initializer => ({
  name,
  type: "float32",
  dims: [],
  data: new Uint8Array(Float32Array.of(value).buffer),
});

/** A combined export in miniature: what matters here is which value comes from which. */
const BASE: Model = {
  name: "main_graph",
  inputs: [ids, pixels, mask],
  outputs: ["logits_per_image", "logits_per_text", "text_embeds", "image_embeds"].map(output),
  initializers: [
    weights("text.weight", 300, { location: "model.onnx_data", offset: 64, length: 1200 }),
    weights("image.weight", 300, new Uint8Array(1200).fill(7)),
    scalar("m.logit_scale", 4.5),
  ],
  nodes: [
    node("Mul", ["input_ids", "attention_mask"], ["masked"]),
    node("Gather", ["text.weight", "masked"], ["text"]),
    node("Mul", ["pixel_values", "image.weight"], ["image"]),
    node("ReduceL2", ["text"], ["text_norm"]),
    node("Div", ["text", "text_norm"], ["text_embeds"]),
    node("Mul", ["image", "image"], ["image_squares"]),
    node("ReduceSum", ["image_squares"], ["image_sum"]),
    node("Sqrt", ["image_sum"], ["image_norm"]),
    node("Div", ["image", "image_norm"], ["image_embeds"]),
    node("Transpose", ["image_embeds"], ["columns"]),
    node("MatMul", ["text_embeds", "columns"], ["cosines"]),
    node("Exp", ["m.logit_scale"], ["scale"]),
    node("Mul", ["cosines", "scale"], ["logits_per_text"]),
    node("Transpose", ["logits_per_text"], ["logits_per_image"]),
  ],
};

const data = memoryFile("blob-of-the-data", new Uint8Array(2000));
const beside = async (name: string): Promise<CheckpointFile | undefined> => (name === "model.onnx_data" ? data : undefined);
const read = (model: Model) => readCombinedOnnx(memoryFile("model.onnx", encodeModel(model)), beside);
const replaced = (...nodes: Node[]): Model => {
  const names = new Set(nodes.flatMap(({ outputs }) => outputs));
  return { ...BASE, nodes: [...BASE.nodes.filter(({ outputs }) => !outputs.some((name) => names.has(name))), ...nodes] };
};

/** What a graph consists of. */
function parts(model: Uint8Array): {
  operators: string[];
  initializers: string[];
  external: string[][];
  inputs: string[];
  outputs: string[];
} {
  const graph = messages(readFields(model), 7)[0]!;
  return {
    operators: messages(graph, 1).map((message) => strings(message, 4)[0]!),
    initializers: messages(graph, 5).map((message) => strings(message, 8)[0]!),
    external: messages(graph, 5)
      .filter((message) => message.has(13))
      .map((message) => messages(message, 13).map((entry) => strings(entry, 2)[0]!)),
    inputs: messages(graph, 11).map((message) => strings(message, 1)[0]!),
    outputs: messages(graph, 12).map((message) => strings(message, 1)[0]!),
  };
}

describe("readCombinedOnnx", () => {
  it("cuts the graph into what each tower's features depend on", async () => {
    const { graphs, logitScale } = await read(BASE);
    const text = graphs.text(FEATURES);
    expect(text).toMatchObject({ inputs: ["input_ids", "attention_mask"], outputs: ["text_features"], files: ["blob-of-the-data"] });
    expect(parts(text.model)).toEqual({
      operators: ["Mul", "Gather", "Cast"],
      initializers: ["text.weight"],
      external: [["blob-of-the-data", "64", "1200"]],
      inputs: ["input_ids", "attention_mask"],
      outputs: ["text_features"],
    });
    const vision = graphs.vision(FEATURES, false);
    expect(vision).toMatchObject({ inputs: ["pixel_values"], outputs: ["image_features"], files: ["model.onnx"] });
    expect(parts(vision.model)).toMatchObject({ operators: ["Mul", "Cast"], initializers: ["image.weight"], inputs: ["pixel_values"] });
    expect(logitScale).toBe(4.5);
  });

  it("makes weights in the file references into the file", async () => {
    const bytes = encodeModel(BASE);
    const { graphs } = await readCombinedOnnx(memoryFile("model.onnx", bytes), beside);
    const [[location, offset, length] = []] = parts(graphs.vision(FEATURES, false).model).external;
    expect([location, length]).toEqual(["model.onnx", "1200"]);
    expect(bytes.subarray(Number(offset), Number(offset) + 1200)).toEqual(new Uint8Array(1200).fill(7));
  });

  it("keeps the operators' bytes and sets, and reads torch's export without its weights", async () => {
    const bytes = await fixtureBytes("tiny-onnx/onnx/model.onnx");
    const file = memoryFile("model.onnx", bytes);
    const { graphs, logitScale } = await readCombinedOnnx(file, nothing);
    expect(logitScale).toBeCloseTo(3.2, 6);
    const whole = messages(readFields(bytes), 7)[0]!;
    const before = (whole.get(1) as Uint8Array[]).map((message) => Buffer.from(message).toString("base64"));
    for (const graph of [graphs.text(FEATURES), graphs.vision(FEATURES, false)]) {
      const model = readFields(graph.model);
      expect(model.get(8)).toEqual(readFields(bytes).get(8));
      const after = (messages(model, 7)[0]!.get(1) as Uint8Array[]).map((message) => Buffer.from(message).toString("base64"));
      expect(after.slice(0, -1)).toEqual(before.filter((message) => after.includes(message)));
      // Every weight of more than a kilobyte is elsewhere.
      expect(graph.model.length).toBeLessThan(100_000);
    }
    expect(file.reads.reduce((sum, [start, end]) => sum + end - start, 0)).toBeLessThan(bytes.length / 2);
  });

  it("divides the weights of Optimum's ViT-B/16 between the towers", async () => {
    const graph = memoryFile("model.onnx", await fixtureBytes("onnx-export/model.onnx"));
    const recipe = (await fixtureJson("onnx-export/model.onnx.weights.json")) as {
      bytes: number;
      weights: { initializer: string; tensor: string }[];
    };
    const { graphs, logitScale } = await readCombinedOnnx(graph, async (name) =>
      name === "model.onnx_data"
        ? { name, byteLength: recipe.bytes, read: () => Promise.reject(new Error("no weight is read")) }
        : undefined,
    );
    expect(logitScale).toBeCloseTo(4.6052, 4);
    const tensors = new Map(recipe.weights.map(({ initializer, tensor }) => [initializer, tensor]));
    const towers = [graphs.text(FEATURES), graphs.vision(FEATURES, false)].map(({ model }) => parts(model));
    expect(towers.flatMap(({ initializers }) => initializers).toSorted(byName)).toEqual([...tensors.keys()].toSorted(byName));
    for (const [i, tower] of [/^text_/, /^vis(ion|ual)_/].entries())
      for (const name of towers[i]!.initializers) expect(tensors.get(name)).toMatch(tower);
    const total = towers.flatMap(({ external }) => external).reduce((sum, [, , length]) => sum + Number(length), 0);
    expect(total).toBe(recipe.bytes);
  });

  it.each([
    ["LpNormalization", replaced(node("LpNormalization", ["text"], ["text_embeds"]))],
    ["a least value, expanded", replaced(node("Clip", ["text_norm"], ["clipped"]), node("Shape", ["text"], ["shape"]), node("Expand", ["clipped", "shape"], ["expanded"]), node("Div", ["text", "expanded"], ["text_embeds"]))], // prettier-ignore
    ["powers", replaced(node("Pow", ["text", "m.logit_scale"], ["squares"]), node("ReduceSum", ["squares"], ["sum"]), node("Pow", ["sum", "m.logit_scale"], ["norm"]), node("Div", ["text", "norm"], ["text_embeds"]))], // prettier-ignore
    ["conversions on the way", replaced(node("Cast", ["text"], ["wide"]), node("ReduceL2", ["wide"], ["norm"]), node("Div", ["text", "norm"], ["half"]), node("Cast", ["half"], ["text_embeds"]))], // prettier-ignore
  ])("knows the norm by %s", async (_, model) => {
    const { graphs } = await read(model);
    expect(parts(graphs.text(FEATURES).model).operators).toEqual(["Mul", "Gather", "Cast"]);
  });

  it("takes a scale whose exponential is already taken", async () => {
    const model = replaced(node("Mul", ["cosines", "m.logit_scale"], ["logits_per_text"]));
    expect((await read(model)).logitScale).toBeCloseTo(Math.log(4.5), 12);
  });

  it("gives no states and no other resolution", async () => {
    const { graphs } = await read(BASE);
    expect(() => graphs.text({ kind: "states", hiddenStates: false, attentions: false })).toThrow(/features only/);
    expect(() => graphs.vision(FEATURES, true)).toThrow(/features only/);
  });

  it.each([
    ["no such output", { ...BASE, outputs: BASE.outputs.slice(0, 3) }, "unsupported-graph", /an output image_embeds/],
    [
      "an output that is not normalised",
      replaced(node("Add", ["text", "text_norm"], ["text_embeds"])),
      "unsupported-graph",
      /L2 norm, got Add/,
    ],
    ["a divisor that is no norm of it", replaced(node("ReduceL2", ["image"], ["text_norm"])), "unsupported-graph", /L2 norm/],
    ["a divisor that is no norm", replaced(node("Softmax", ["text"], ["text_norm"])), "unsupported-graph", /L2 norm/],
    [
      "a tower that needs the other's input",
      replaced(node("Mul", ["input_ids", "pixel_values"], ["masked"])),
      "unsupported-graph",
      /text tower to depend on .*pixel_values/,
    ],
    [
      "a tower without its input",
      replaced(node("Mul", ["attention_mask", "attention_mask"], ["masked"])),
      "unsupported-graph",
      /depend on input_ids/,
    ],
    [
      "ids of another type",
      { ...BASE, inputs: [{ ...ids, type: "int32" as const }, pixels, mask] },
      "unsupported-graph",
      /"input_ids" of data type 6/,
    ],
    ["no scale", replaced(node("Add", ["cosines", "scale"], ["logits_per_text"])), "unsupported-graph", /logit_scale/],
    ["a scale that is computed", replaced(node("Exp", ["cosines"], ["scale"])), "unsupported-graph", /logit_scale/],
    ["its output's name taken", replaced(node("Identity", ["text"], ["text_features"])), "unsupported-graph", /text_features/],
    ["a value from nowhere", replaced(node("Gather", ["text.weight", "lost"], ["text"])), "malformed", /"lost"/],
    ["a value given twice", { ...BASE, nodes: [...BASE.nodes, node("Mul", ["image"], ["text"])] }, "malformed", /"text", got two/],
    [
      "a circle of copies",
      replaced(node("Identity", ["text_embeds"], ["round"]), node("Identity", ["round"], ["text_embeds"])),
      "malformed",
      /without cycles/,
    ],
    [
      "a missing data file",
      { ...BASE, initializers: [weights("text.weight", 1, { location: "other", offset: 0, length: 4 }), ...BASE.initializers.slice(1)] },
      "missing-file",
      /a file other/,
    ],
    [
      "a data file that is too short",
      {
        ...BASE,
        initializers: [
          weights("text.weight", 300, { location: "model.onnx_data", offset: 801, length: 1200 }),
          ...BASE.initializers.slice(1),
        ],
      },
      "malformed",
      /up to 2001/,
    ],
    [
      "data in another folder",
      {
        ...BASE,
        initializers: [weights("text.weight", 1, { location: "../model.onnx_data", offset: 0, length: 4 }), ...BASE.initializers.slice(1)],
      },
      "malformed",
      /beside/,
    ],
    [
      "a length that its shape denies",
      {
        ...BASE,
        initializers: [weights("text.weight", 2, { location: "model.onnx_data", offset: 0, length: 4 }), ...BASE.initializers.slice(1)],
      },
      "malformed",
      /8 bytes/,
    ],
    [
      "values that its shape denies",
      { ...BASE, initializers: [weights("text.weight", 2, new Uint8Array(4)), ...BASE.initializers.slice(1)] },
      "malformed",
      /8 bytes/,
    ],
    [
      "two initializers of a name",
      { ...BASE, initializers: [...BASE.initializers, scalar("m.logit_scale", 1)] },
      "malformed",
      /m\.logit_scale/,
    ],
  ])("refuses %s", async (_, model, code, message) => {
    // prettier-ignore
    const error = await read(model).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CheckpointError);
    expect(String(error)).toMatch(message);
    expect(error).toMatchObject({ code });
  });

  const message = (write: (writer: ProtobufWriter) => void): Uint8Array => {
    const writer = new ProtobufWriter();
    write(writer);
    return writer.finish();
  };
  const withGraph = (write: (graph: ProtobufWriter) => void): Uint8Array =>
    message((writer) => {
      writer.bytes(8, new Uint8Array(0));
      writer.message(7, write);
    });
  it.each([
    ["an empty file", new Uint8Array(0), /not an ONNX model/],
    ["a text", new TextEncoder().encode("<!doctype html><html></html>"), /./],
    ["a number that never ends", new Uint8Array(30).fill(0xff), /./],
    ["a length beyond the file", Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x7f), /cut short/],
    ["two graphs", message((writer) => [1, 2].forEach(() => writer.bytes(7, new Uint8Array(0)))), /two/],
    ["functions", message((writer) => writer.bytes(25, new Uint8Array(0))), /functions/],
    ["a sparse initializer", withGraph((graph) => graph.bytes(15, new Uint8Array(0))), /sparse/],
    [
      "a branch",
      withGraph((graph) => graph.message(1, (one) => one.message(5, (attribute) => attribute.bytes(6, new Uint8Array(0))))),
      /branches/,
    ],
    ["a node that is a number", withGraph((graph) => graph.int(1, 5)), /message in field 1/],
    ["many sizes", withGraph((graph) => graph.message(5, (one) => one.bytes(1, new Uint8Array(100)))), /16 sizes/],
    ["a negative size", withGraph((graph) => graph.message(5, (one) => { one.int(1, -1); one.string(8, "w"); })), /sizes/], // prettier-ignore
    ["more fields than any graph", message((writer) => { for (let i = 0; i < 300_000; i++) writer.int(1, 1); }), /at most 262144 fields/], // prettier-ignore
  ])("refuses %s", async (_, bytes, pattern) => {
    const error = await readCombinedOnnx(memoryFile("model.onnx", bytes), beside).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CheckpointError);
    expect(String(error)).toMatch(pattern);
  });

  it("finds the way through long chains in time that grows with their length", async () => {
    const count = 20_000;
    const copies = Array.from({ length: count }, (_, i) => node("Identity", [i === 0 ? "text_norm" : `copy${i - 1}`], [`copy${i}`]));
    const adds = Array.from({ length: count }, (_, i) =>
      node("Max", [`copy${count - 1}`, i === 0 ? "text_norm" : `max${i - 1}`], [`max${i}`]),
    );
    const { graphs } = await read(replaced(...copies, ...adds, node("Div", ["text", `max${count - 1}`], ["text_embeds"])));
    expect(parts(graphs.text(FEATURES).model).operators).toEqual(["Mul", "Gather", "Cast"]);
  });

  it("gives two towers or its own error for 2,000 damaged files", async () => {
    const small = encodeModel(BASE);
    const large = await fixtureBytes("tiny-onnx/onnx/model.onnx");
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.array(fc.record({ at: fc.nat(), value: fc.nat(255) }), { minLength: 1, maxLength: 4 }),
        fc.option(fc.nat()),
        async (isSmall, changes, cut) => {
          // Mostly the small one: nearly all of the large one's bytes are weights and names.
          const source = isSmall || (cut ?? 0) % 8 !== 1 ? small : large;
          const bytes = source.slice(0, cut === null ? source.length : cut % source.length);
          if (bytes.length > 0) for (const { at, value } of changes) bytes[at % bytes.length] = value;
          const file = memoryFile("model.onnx", bytes);
          const result = await readCombinedOnnx(file, beside).catch((error: unknown) => error);
          if (result instanceof CheckpointError) return;
          expect(result).toMatchObject({ logitScale: expect.any(Number) });
          const { graphs } = result as Awaited<ReturnType<typeof readCombinedOnnx>>;
          expect(graphs.text(FEATURES).outputs).toEqual(["text_features"]);
        },
      ),
      { numRuns: 2000, seed: 20240501 },
    );
  });
});
