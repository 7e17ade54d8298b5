/** A6: what training loops save beside the weights is read past, and nothing of it is called. Weights in any layout are read by their strides. */
import { describe, expect, it } from "vitest";
import { buildVisionGraph, CheckpointError, ChineseCLIPConfig, encodeGraph, readCheckpoint } from "../src/index.js";
import { fixtureJson, memoryFile } from "./fixtures.js";
import { expectTiny, tinyTensors } from "./tiny-tensors.js";
import { bytesOf, load, pickledDict, pickledTensor, py, type Tensor, torchEntries, torchLegacy, zip } from "./torch-writer.js";

const canonical = await tinyTensors();
const le32 = (value: number): number[] => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];
const build = (object: Uint8Array, state: Uint8Array): Uint8Array => bytesOf(object, state, "b");
const newObject = (module: string, name: string, ...args: Uint8Array[]): Uint8Array =>
  bytesOf(py.global(module, name), py.tuple(...args), [0x81]);
const setItems = (object: Uint8Array, ...entries: (readonly [Uint8Array, Uint8Array])[]): Uint8Array =>
  bytesOf(object, "(", ...entries.flat(), "u");
const short = (text: string): Uint8Array => bytesOf([0x8c, text.length], text);

const OBJECTS: readonly (readonly [string, Uint8Array])[] = [
  ["argparse.Namespace", build(newObject("argparse", "Namespace"), py.dict([py.str("lr"), py.int(1)], [py.str("resume"), py.none]))],
  [
    "a numpy scalar",
    py.call(py.global("numpy.core.multiarray", "scalar"), build(py.call(py.global("numpy", "dtype"), py.str("f8"), py.false, py.true), py.tuple(py.int(3), py.str("<"))), bytesOf("C", [8], new Uint8Array(8))), // prettier-ignore
  ],
  [
    "a numpy array",
    build(
      py.call(
        py.global("numpy._core.multiarray", "_reconstruct"),
        py.global("numpy", "ndarray"),
        py.tuple(py.int(0)),
        bytesOf("C", [1], "b"),
      ),
      py.tuple(
        py.int(1),
        py.tuple(py.int(2)),
        py.call(py.global("numpy", "dtype"), py.str("f4")),
        py.false,
        bytesOf("B", le32(8), new Uint8Array(8)),
      ),
    ),
  ],
  ["collections.Counter", py.call(py.global("collections", "Counter"), py.dict([py.int(10), py.int(1)]))],
  ["set, protocol 2", py.call(py.global("__builtin__", "set"), py.list(py.int(1)))],
  ["set, protocol 4", bytesOf([0x8f, 0x28], py.int(1), [0x90])],
  ["frozenset, protocol 4", bytesOf([0x28], py.int(1), [0x91])],
  ["bytes, protocol 2", py.call(py.global("_codecs", "encode"), py.str("abc"), py.str("latin1"))],
  ["bytes, protocol 4", bytesOf([0x8e, 3, 0, 0, 0, 0, 0, 0, 0], "abc")],
  ["bytearray, protocol 5", bytesOf([0x96, 3, 0, 0, 0, 0, 0, 0, 0], "abc")],
  [
    "collections.defaultdict",
    setItems(py.call(py.global("collections", "defaultdict"), py.global("__builtin__", "list")), [py.int(1), py.none]),
  ],
  ["TorchVersion", newObject("torch.torch_version", "TorchVersion", py.str("2.13.0"))],
  ["datetime", py.call(py.global("datetime", "datetime"), bytesOf("C", [10], new Uint8Array(10)))],
  ["pathlib.PosixPath", py.call(py.global("pathlib", "PosixPath"), py.str("/"), py.str("data"))],
  ["an enum", py.call(py.global("my.module", "Precision"), py.str("amp"))],
  [
    "functools.partial",
    build(py.call(py.global("functools", "partial"), py.global("torch.nn", "Linear")), py.tuple(py.none, py.tuple(), py.dict(), py.none)),
  ],
  ["a list's subclass", bytesOf(newObject("omegaconf.listconfig", "ListConfig"), "(", py.int(1), "e")],
  ["an object with keywords, protocol 4", bytesOf(py.global("m", "C"), ")", py.dict(), [0x92])],
  ["a class by STACK_GLOBAL", bytesOf(short("os"), short("system"), [0x93])],
  ["os.system called", py.call(py.global("os", "system"), py.str("touch /tmp/hacked"))],
  ["what getattr gave, called", py.call(py.call(py.global("builtins", "getattr"), py.global("os", "path"), py.str("system")), py.str("x"))],
  ["numpy's PCG64 state, 17 bytes long", bytesOf([0x8a, 17], new Uint8Array(17).fill(1))],
  ["a lambda of an LR schedule", py.dict([py.str("lr_lambdas"), py.list(py.none)], [py.int(3), py.global("__main__", "warmup")])],
];

describe("A6 objects beside the weights", () => {
  it.each(OBJECTS)("%s is read past, zip and legacy, beside a wrapped and a plain state dict", async (_, object) => {
    for (const legacy of [false, true]) {
      const dict = pickledDict(canonical, { legacy });
      const wrapped = py.pickle(py.dict([py.str("args"), object], [py.str("model"), dict], [py.str("more"), py.list(object)]));
      await expectTiny(legacy ? torchLegacy(canonical, { pickle: wrapped }) : zip(torchEntries(canonical, { pickle: wrapped })));
      const plain = py.pickle(setItems(dict, [py.str("_extra_state"), object]));
      await expectTiny(legacy ? torchLegacy(canonical, { pickle: plain }) : zip(torchEntries(canonical, { pickle: plain })));
    }
  });

  it("a state dict in a defaultdict, and in an object's attributes, is found", async () => {
    const dict = pickledDict(canonical);
    const items = setItems(py.call(py.global("collections", "defaultdict")), [py.str("model"), dict], [py.str("n"), py.int(1)]);
    await expectTiny(zip(torchEntries(canonical, { pickle: py.pickle(py.dict([py.str("state"), items])) })).slice());
    const object = build(newObject("train", "State"), py.dict([py.str("net"), dict]));
    await expectTiny(zip(torchEntries(canonical, { pickle: py.pickle(py.list(object)) })));
  });

  it("what a tensor of the model is made of is refused by name, and only that tensor", async () => {
    const name = "text_model.embeddings.word_embeddings.weight";
    const made = py.call(py.global("torch._utils", "_rebuild_qtensor"), py.none);
    const bytes = zip(torchEntries(canonical, { pickle: py.pickle(setItems(pickledDict(canonical), [py.str(name), made])) }));
    const checkpoint = await readCheckpoint([memoryFile("model.pt", bytes)]);
    expect(checkpoint.tensor("logit_scale", []).byteLength).toBe(4);
    expect(() => checkpoint.tensor(name, [1])).toThrow(
      expect.objectContaining({
        code: "forbidden-global",
        message: expect.stringMatching(
          /tensor text_model\.embeddings\.word_embeddings\.weight .*torch\._utils\._rebuild_qtensor.*nothing was called/,
        ),
      }),
    );
  });

  it("placeholders cost no more than the pickle: a million of them, and one name in a million dicts", async () => {
    const global = bytesOf(py.global("m".repeat(3000), "x"), "q\x00");
    const calls = new Uint8Array(1_200_000).map((_, i) => [0x68, 0x00, 0x29, 0x52][i % 4] ?? 0); // BINGET 0, EMPTY_TUPLE, REDUCE
    const many = bytesOf("](", global, calls, "e");
    const key = bytesOf(py.str("k".repeat(100_000)), "q\x010");
    const tensor = bytesOf(pickledTensor("F32", "0", 1, [1]), "q\x020");
    const dicts = bytesOf("](", ...Array.from({ length: 50_000 }, () => bytesOf("}h\x01h\x02s")), "e");
    const pickle = py.pickle(key, tensor, py.dict([py.str("x"), many], [py.str("y"), dicts], [py.str("model"), pickledDict(canonical)]));
    await expectTiny(zip(torchEntries(canonical, { pickle })));
  });

  it("a file of objects alone is refused by their class", async () => {
    const object = build(newObject("__main__", "Net"), py.dict([py.str("_modules"), py.dict()]));
    const error: unknown = await readCheckpoint([memoryFile("m.pt", zip([["a/data.pkl", py.pickle(object)]]))]).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(CheckpointError);
    expect(error).toMatchObject({ code: "forbidden-global", message: expect.stringMatching(/__main__\.Net.*Save model\.state_dict\(\)/) });
  });
});

/** The same numbers in another order in the storage: by these axes, outermost first. */
function relaid({ shape, data, dtype }: Tensor, order: readonly number[]): { tensor: Tensor; stride: number[] } {
  const stride = shape.map(() => 0);
  let step = 1;
  for (const axis of order.toReversed()) {
    stride[axis] = step;
    step *= shape[axis] ?? 1;
  }
  const laid = new Uint8Array(data.length);
  const index = shape.map(() => 0);
  for (let at = 0; at < data.length; at += 4) {
    const place = index.reduce((sum, i, axis) => sum + i * (stride[axis] ?? 0), 0);
    laid.set(data.subarray(at, at + 4), place * 4);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = ((index[axis] ?? 0) + 1) % (shape[axis] ?? 1);
      if (index[axis] !== 0) break;
    }
  }
  return { tensor: { dtype, shape, data: laid }, stride };
}

describe("A6 weights in another layout", () => {
  const patches = "vision_model.embeddings.patch_embedding.weight";

  /** tiny-vit with some tensors laid out by other axes. */
  function laidOut(orders: Readonly<Record<string, readonly number[]>>, legacy: boolean): Uint8Array {
    const strides = new Map<string, number[]>();
    const tensors = new Map(
      [...canonical].map(([name, tensor]) => {
        const order = orders[name];
        if (order === undefined) return [name, tensor];
        const { tensor: laid, stride } = relaid(tensor, order);
        strides.set(name, stride);
        return [name, laid];
      }),
    );
    const entries = [...tensors].map(([name, { dtype, shape, data }], i): [Uint8Array, Uint8Array] => {
      const stride = strides.get(name);
      return [
        py.str(name),
        pickledTensor(dtype, String(i), data.length / 4, shape, { legacy, ...(stride === undefined ? {} : { stride }) }),
      ];
    });
    const pickle = py.pickle(py.dict(...entries));
    return legacy ? torchLegacy(tensors, { pickle }) : zip(torchEntries(tensors, { pickle }));
  }

  it("channels_last and transposed layers are read by their strides", async () => {
    const orders = {
      [patches]: [0, 2, 3, 1],
      "text_model.encoder.layer.0.attention.self.query.weight": [1, 0],
      "visual_projection.weight": [1, 0],
    };
    for (const legacy of [false, true]) await expectTiny(laidOut(orders, legacy));
  });

  it("slices with gaps and expanded views, too", async () => {
    const source = canonical.get("logit_scale");
    const storage = new Uint8Array(Float32Array.from({ length: 24 }, (_, i) => i).buffer);
    const tensors = new Map<string, Tensor>([
      ["text_model.a.weight", { dtype: "F32", shape: [24], data: storage }],
      ["logit_scale", source ?? { dtype: "F32", shape: [], data: new Uint8Array(4) }],
    ]);
    const entries: [Uint8Array, Uint8Array][] = [
      [py.str("text_model.a.weight"), pickledTensor("F32", "0", 24, [2, 3], { offset: 1, stride: [12, 2] })],
      [py.str("text_model.b.weight"), pickledTensor("F32", "0", 24, [2, 3], { offset: 5, stride: [0, 1] })],
      [py.str("logit_scale"), pickledTensor("F32", "1", 1, [])],
    ];
    const bytes = zip(torchEntries(tensors, { pickle: py.pickle(py.dict(...entries)) }));
    const checkpoint = await readCheckpoint([memoryFile("model.pt", bytes)]);
    expect([...(await checkpoint.values("text_model.a.weight", [2, 3]))]).toEqual([1, 3, 5, 13, 15, 17]);
    expect([...(await checkpoint.values("text_model.b.weight", [2, 3]))]).toEqual([5, 6, 7, 5, 6, 7]);
    expect(load(checkpoint.tensors, bytes).get("text_model.b.weight")?.data.length).toBe(24);
  });

  it("are bounded: an expanded view of 4 GB is refused before anything is read for it", async () => {
    const entries: [Uint8Array, Uint8Array][] = [
      [py.str("text_model.a.weight"), pickledTensor("F32", "0", 1, [1 << 15, 1 << 15], { stride: [0, 0] })],
    ];
    const bytes = zip([["a/data.pkl", py.pickle(py.dict(...entries))], ["a/data/0", new Uint8Array(4)]]); // prettier-ignore
    await expect(readCheckpoint([memoryFile("model.pt", bytes)])).rejects.toThrow(
      /text_model\.a\.weight: .* too many to copy; save contiguous\(\)/,
    );
  });

  it("come into the graph as bytes of their own", async () => {
    const checkpoint = await readCheckpoint([memoryFile("model.pt", laidOut({ [patches]: [0, 2, 3, 1] }, false))]);
    const { visionConfig, projectionDim } = ChineseCLIPConfig.fromJSON(await fixtureJson("tiny-vit/config.json"));
    const { model } = await encodeGraph(await buildVisionGraph(visionConfig, checkpoint, { kind: "features" }, projectionDim));
    expect(Buffer.from(model).includes(Buffer.from(canonical.get(patches)?.data ?? []))).toBe(true);
  });
});
