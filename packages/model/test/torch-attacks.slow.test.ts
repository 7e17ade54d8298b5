/** Files that were made to break a reader: each ends in a checkpoint or in a CheckpointError, soon. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CheckpointError, readCheckpoint } from "../src/index.js";
import { fixtureBytes, memoryFile, safetensors } from "./fixtures.js";
import { bytesOf, pickledTensor, py, stateDict, type Tensor, torchEntries, torchLegacy, zip, type ZipInput } from "./torch-writer.js";

const read = (bytes: Uint8Array) => readCheckpoint([memoryFile("model.pt", bytes)]);
const zipped = (pickle: Uint8Array): Uint8Array =>
  zip([
    ["a/data.pkl", pickle],
    ["a/data/0", new Uint8Array(64)],
  ]);
const tensor: Tensor = { dtype: "F32", shape: [4], data: new Uint8Array(16) };
const tensors: ReadonlyMap<string, Tensor> = new Map([
  ["a", tensor],
  ["b", tensor],
]);
const plain = torchEntries(tensors);
const u32 = (value: number): number[] => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];

async function fault(bytes: Uint8Array): Promise<CheckpointError> {
  const error: unknown = await read(bytes).catch((thrown: unknown) => thrown);
  if (!(error instanceof CheckpointError)) throw new Error(`expected a CheckpointError, got ${String(error)}`);
  return error;
}

describe("a pickle that would run code is refused by name", () => {
  const short = (text: string): Uint8Array => bytesOf([0x8c, text.length], text);
  it.each([
    ["GLOBAL and REDUCE", py.call(py.global("os", "system"), py.str("true")), "os.system"],
    ["GLOBAL of the real module", py.call(py.global("posix", "system"), py.str("true")), "posix.system"],
    ["STACK_GLOBAL", bytesOf(short("os"), short("system"), [0x93], py.tuple(py.str("true")), "R"), "os.system"],
    ["INST", bytesOf("(", py.str("true"), "ios\nsystem\n"), "os.system"],
    ["OBJ", bytesOf("(", py.global("os", "system"), py.str("true"), "o"), "os.system"],
    ["OBJ of an allowed class", bytesOf("(", py.global("torch", "Size"), py.tuple(), "o"), "an instance of torch.Size"],
    ["NEWOBJ", bytesOf(py.global("collections", "OrderedDict"), ")", [0x81]), "an instance of collections.OrderedDict"],
    ["EXT1", bytesOf([0x82, 7]), "copyreg extension 7"],
    ["EXT4", bytesOf([0x84, 1, 2, 0, 0]), "copyreg extension 513"],
    ["builtins", py.global("builtins", "eval"), "builtins.eval"],
    ["getattr", py.call(py.global("builtins", "getattr"), py.none, py.str("x")), "builtins.getattr"],
    ["a name on Object's prototype", py.global("constructor", "constructor"), "constructor.constructor"],
    ["torch.load", py.call(py.global("torch", "load"), py.str("x")), "torch.load"],
    ["a long name", py.global("m".repeat(1000), "x"), `${"m".repeat(97)}...`],
  ])("%s", async (_, body, global) => {
    const error = await fault(zipped(py.pickle(body)));
    expect(error).toMatchObject({ code: "forbidden-global", details: { file: "model.pt", global } });
    expect(error.message).toContain(global);
    expect(error.message).toContain("nothing was called");
  });

  it("also where a first pickle of the legacy format does", async () => {
    expect(await fault(py.pickle(py.call(py.global("os", "system"), py.str("true"))))).toMatchObject({ code: "forbidden-global" });
  });
});

describe("a pickle's structure", () => {
  const a = pickledTensor("F32", "0", 16, [16]);
  const laughs = (): Uint8Array => {
    const levels = Array.from({ length: 200 }, (_, i) => bytesOf("](", ...Array.from({ length: 10 }, () => [0x68, i]), "eq", [i + 1]));
    return bytesOf("]q", [0], ...levels);
  };
  /** A tuple whose elements were all named by STACK_GLOBAL, by a string from the memo. */
  const manyNames = (length: number, count: number): Uint8Array => {
    const name = bytesOf("X", u32(length), new Uint8Array(length).fill(1), "q\x00");
    const named = new Uint8Array(6 * count);
    for (let at = 0; at < named.length; at += 6) named.set([0x68, 0, 0x68, 0, 0x93, 0x30], at);
    return bytesOf("(", name, named, "t");
  };
  it.each([
    ["lists of lists of lists that would be 10^200 elements", py.dict([py.str("x"), laughs()], [py.str("w"), a])],
    ["a list in itself", py.dict([py.str("x"), bytesOf("]q\x00h\x00a")], [py.str("w"), a])],
    ["a dict in itself", bytesOf("}q\x00(X", u32(1), "xh\x00X", u32(1), "w", a, "u")],
    [
      "a hundred thousand open lists",
      py.dict([py.str("x"), bytesOf(new Uint8Array(100_000).fill(0x5d), new Uint8Array(99_999).fill(0x61))], [py.str("w"), a]),
    ],
    ["a state dict in itself", bytesOf("}q\x00(X", u32(10), "state_dicth\x00X", u32(1), "w", a, "u")],
    ["names of three million characters, in five bytes each", py.dict([py.str("x"), manyNames(3_000_000, 400_000)], [py.str("w"), a])],
    ["names of control characters", py.dict([py.str("x"), manyNames(200, 400_000)], [py.str("w"), a])],
  ])("%s: is read", async (_, body) => {
    expect([...(await read(zipped(py.pickle(body)))).tensors.keys()]).toEqual(["w"]);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["nothing", new Uint8Array(0), /expected an end/],
    ["no end", bytesOf([0x80, 2], "}"), /expected an end/],
    ["a protocol of the future", bytesOf([0x80, 6], "}."), /protocol of at most 5/],
    ["an opcode of no checkpoint", py.pickle(bytesOf([0xff])), /0xff/],
    ["a string of 4 GB", py.pickle(bytesOf("X", u32(0xffffffff))), /expected an end/],
    ["a string of 2^64 bytes", py.pickle(bytesOf([0x8d], new Uint8Array(8).fill(255))), /expected an end/],
    ["an integer of 2 GB", py.pickle(bytesOf([0x8b], u32(0x7fffffff))), /at most 16 bytes/],
    ["a decimal of a million digits", py.pickle(bytesOf("L", "9".repeat(1_000_000), "L\n")), /expected an integer/],
    ["bytes that are no UTF-8", py.pickle(bytesOf("X", u32(1), [0xff])), /UTF-8/],
    ["eight million dicts", py.pickle(bytesOf("(", new Uint8Array(8_000_000).fill(0x7d), "t")), /at most 1000000 dicts/],
    ["eight million lists", py.pickle(bytesOf("(", new Uint8Array(8_000_000).fill(0x5d), "t")), /at most 1000000 dicts/],
    ["an empty stack", py.pickle(), /value on the stack/],
    ["a stack below a mark", py.pickle(bytesOf("](0")), /value on the stack/],
    ["no mark", py.pickle(bytesOf("]t")), /mark/],
    ["a memo that was not set", py.pickle(bytesOf("h\x05")), /memorised under 5/],
    ["an odd number of items", py.pickle(bytesOf("}(]u")), /keys and values/],
    ["an append to a dict", py.pickle(bytesOf("}]a")), /list to append/],
    ["attributes of a list", py.pickle(bytesOf("]]b")), /attributes of a dict/],
    ["a call of a list", py.pickle(bytesOf("])R")), /call of a function/],
    ["a call of a storage type", py.pickle(py.call(py.global("torch", "FloatStorage"))), /call of a function/],
    ["names that are no strings", py.pickle(bytesOf("NN", [0x93])), /names of a module/],
    ["an OrderedDict of a list", py.pickle(py.call(py.global("collections", "OrderedDict"), py.list())), /empty OrderedDict/],
    ["a persistent id that is a string", py.pickle(py.persistent(py.str("x"))), /persistent id/],
    ["a tensor over nothing", py.pickle(py.call(py.global("torch._utils", "_rebuild_tensor_v2"), py.none)), /over a storage/],
    ["no tensor at all", py.pickle(py.dict([py.str("x"), py.int(1)])), /state dict of tensors/],
    ["a number", py.pickle(py.int(1)), /state dict of tensors/],
    ["a storage larger than the file", py.pickle(py.dict([py.str("x"), pickledTensor("F32", "0", 2 ** 40, [1])])), /fit into the file/],
    ["a storage of two sizes", py.pickle(py.list(a, pickledTensor("F32", "0", 8, [8]))), /got two/],
    ["a storage that is not there", py.pickle(py.dict([py.str("x"), pickledTensor("F32", "../0", 16, [16])])), /entry for storage/],
    ["a storage of another length", py.pickle(py.dict([py.str("x"), pickledTensor("F32", "0", 8, [8])])), /expected 32 bytes, got 64/],
    ["a tensor beyond its storage", py.pickle(py.dict([py.str("x"), pickledTensor("F32", "0", 16, [17])])), /tensor x: .* storage's 16/],
    ["an offset beyond its storage", py.pickle(py.dict([py.str("x"), pickledTensor("F32", "0", 16, [1], { offset: 16 })])), /tensor x/],
    ["2^80 elements", py.pickle(py.dict([py.str("x"), pickledTensor("F32", "0", 16, [2 ** 40, 2 ** 40])])), /tensor x/],
    [
      "17 axes",
      py.pickle(
        py.dict([
          py.str("x"),
          pickledTensor(
            "F32",
            "0",
            16,
            Array.from({ length: 17 }, () => 1),
          ),
        ]),
      ),
      /tensor x/,
    ],
    [
      "strides that overlap",
      py.pickle(py.dict([py.str("x"), pickledTensor("F32", "0", 16, [3, 3], { stride: [1, 1] })])),
      /tensor x: .* in a row/,
    ],
    [
      "a transposed view of a layer",
      py.pickle(py.dict([py.str("x"), pickledTensor("F32", "0", 16, [3, 4], { stride: [1, 3] })])),
      /tensor x: .* transposed/,
    ],
    ["thirds of 16 rows", py.pickle(py.dict([py.str("visual.transformer.resblocks.0.attn.in_proj_bias"), a])), /query, key and value/],
    [
      "two names for one",
      py.pickle(py.dict([py.str("bert.x"), a], [py.str("text_model.x"), a])),
      /text_model\.x is there under another name/,
    ],
    ["with and without module.", py.pickle(py.dict([py.str("bert.x"), a], [py.str("module.bert.x"), a])), /with and without module/],
  ])("%s: is refused", async (_, pickle, message) => {
    const error = await fault(zipped(pickle));
    expect(error.code).toBe("malformed");
    expect(error.message).toMatch(message);
  });
});

describe("an archive", () => {
  const bomb: ZipInput = ["a/data.pkl", new Uint8Array(200 << 20), 8];
  const u32At = (at: number, value: number) => (name: string, view: DataView) => {
    if (name.endsWith("data/0")) view.setUint32(at, value, true);
  };
  it.each<[string, Uint8Array, RegExp]>([
    ["cut short", zip(plain).slice(0, -1), /cut short/],
    ["with something behind it", bytesOf(zip(plain), [0]), /something was added/],
    ["that is a zip bomb", zip([bomb]), /at most 8388608 bytes, got 209715200/],
    [
      "that is a zip bomb and lies about it",
      zip([bomb], { directory: (_, view) => view.setUint32(24, 1000, true) }),
      /expected 1000 bytes when inflated/,
    ],
    ["of no deflated data", zip([["a/data.pkl", new Uint8Array(9)]], { local: (_, v) => v.setUint16(8, 8, true), directory: (_, v) => v.setUint16(10, 8, true) }), /deflated data/], // prettier-ignore
    ["of another compression", zip([["a/data.pkl", new Uint8Array(9)]], { local: (_, v) => v.setUint16(8, 93, true), directory: (_, v) => v.setUint16(10, 93, true) }), /method 93/], // prettier-ignore
    [
      "of deflated weights",
      zip(plain.map(([name, data]) => [name, data, name.endsWith("data/0") ? 8 : 0])),
      /stored weights, got compressed/,
    ],
    ["that is encrypted", zip(plain, { directory: (_, view) => view.setUint16(8, 1, true) }), /no encryption/],
    ["without a pickle", zip([["a/b", new Uint8Array(1)]]), /one pickle of torch.save in the zip archive, got 0/],
    ["with two pickles", zip([...plain, ["b/data.pkl", new Uint8Array(1)]]), /got 2/],
    ["with a name twice", zip([...plain, ...plain.slice(0, 1)]), /name once/],
    [
      "of a big-endian machine",
      zip(plain.map(([name, data]) => [name, name.endsWith("byteorder") ? bytesOf("big") : data])),
      /little-endian/,
    ],
    [
      "whose tensor overlaps the next header",
      zip(plain, { directory: (n, v) => (u32At(20, 100)(n, v), u32At(24, 100)(n, v)) }),
      /before the next/,
    ],
    [
      "whose tensor is moved by its header",
      zip(plain, { local: (name, view) => name.endsWith("data/0") && view.setUint16(28, 999, true) }),
      /before the next/,
    ],
    ["whose entries share a header", zip(plain, { directory: u32At(42, 0) }), /before the next/],
    ["whose entry has no header", zip(plain, { local: u32At(0, 0) }), /agree with the directory on its place/],
    ["whose entry has another name", zip(plain, { local: (n, v) => n.endsWith("data/0") && v.setUint8(30, 0x7a) }), /agree .* on its name/],
    ["whose entry has another size", zip(plain, { local: u32At(22, 17) }), /agree .* on its size/],
    ["whose entry lies beyond the end", zip(plain, { directory: u32At(42, 0xfffffff0) }), /lie within the file/],
    ["whose 64-bit offset is missing", zip(plain, { directory: u32At(42, 0xffffffff) }), /64-bit/],
    ["whose directory is no directory", zip(plain, { directory: u32At(0, 0) }), /entry of the zip directory/],
    [
      "whose names go beyond the directory",
      zip(plain, { directory: (_, view) => view.setUint16(28, 0xffff, true) }),
      /entry of the zip directory/,
    ],
  ])("%s: is refused", async (_, bytes, message) => {
    const error = await fault(bytes);
    expect(error.code).toBe("malformed");
    expect(error.message).toMatch(message);
  });

  it.each([8, 10, 12, 16])("whose end record is wrong at byte %i is refused", async (at) => {
    for (const zip64 of [false, true]) {
      const bytes = zip(plain, { zip64 });
      const view = new DataView(bytes.buffer);
      view.setUint16(bytes.length - 22 + at, 0x1234, true);
      if (at > 8) expect((await fault(bytes)).code).toBe("malformed");
    }
  });
});

/** The opcode that pushes a None: the cheapest, of which millions are read in no time. */
const NONE = 0x4e;

describe("the legacy format", () => {
  const good = torchLegacy(tensors);
  const magic = bytesOf([0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19], ".");
  const head = (...pickles: Uint8Array[]): Uint8Array => bytesOf(magic, ...pickles.map((body) => py.pickle(body)));
  const little = py.dict([py.str("little_endian"), py.true]);
  it.each<[string, Uint8Array, RegExp]>([
    ["another pickle", py.pickle(py.dict([py.str("a"), py.int(1)])), /magic number/],
    ["another version", head(py.int(1002)), /version 1001/],
    ["a big-endian machine", head(py.int(1001), py.dict([py.str("little_endian"), py.false])), /little-endian/],
    ["nothing after its first pickles", head(py.int(1001), little), /cut short/],
    ["a number for its storages", head(py.int(1001), little, py.dict(), py.int(1)), /list of storages/],
    ["storages that nothing mentions", head(py.int(1001), little, py.dict(), py.list(py.str("9"))), /each once/],
    ["a storage twice", bytesOf(head(py.int(1001), little, pickledTensor("F32", "0", 1, [1]), py.list(py.str("0"), py.str("0"))), new Uint8Array(99)), /each once/], // prettier-ignore
    ["a storage that its list leaves out", bytesOf(head(py.int(1001), little, py.dict([py.str("x"), pickledTensor("F32", "0", 1, [1])]), py.list()), new Uint8Array(99)), /in the list/], // prettier-ignore
    ["its last byte missing", good.slice(0, -1), /cut short/],
    [
      "another number of elements before a storage",
      good.map((byte, i) => (i === good.length - 24 ? byte + 1 : byte)),
      /expected 4 elements, got 5/,
    ],
    ["nothing but opcodes for 9 MB", bytesOf(magic, new Uint8Array(9 << 20).fill(NONE)), /within 8388608 bytes/],
  ])("%s: is refused", async (_, bytes, message) => {
    expect((await fault(bytes)).message).toMatch(message);
  });
});

describe("mutated files are read within their bounds or refused", () => {
  /** Bytes that mean something to one of the formats. */
  const byte = fc.oneof(
    fc.nat(255),
    fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, ..."PK().0abceghijloqrstuRQXN]}J\x85\x93".split("").map((c) => c.charCodeAt(0))),
  );

  async function fuzz(whole: Uint8Array, places: fc.Arbitrary<number>): Promise<void> {
    const edits = fc.array(fc.tuple(places, byte), { minLength: 1, maxLength: 4 });
    const cut = fc.oneof({ weight: 9, arbitrary: fc.constant(whole.length) }, { weight: 1, arbitrary: fc.nat(whole.length) });
    await fc.assert(
      fc.asyncProperty(edits, cut, async (changes, end) => {
        const bytes = whole.slice(0, end);
        for (const [at, value] of changes) if (at < end) bytes[at] = value;
        const file = memoryFile("model.pt", bytes);
        try {
          for (const { byteOffset, byteLength } of (await readCheckpoint([file])).tensors.values()) {
            expect(byteOffset + byteLength).toBeLessThanOrEqual(bytes.length);
          }
        } catch (error) {
          if (!(error instanceof CheckpointError)) throw error;
        }
        for (const [from, to] of file.reads) {
          expect(from).toBeLessThanOrEqual(to);
          expect(to).toBeLessThanOrEqual(bytes.length);
        }
      }),
      { numRuns: 2000 },
    );
  }

  it("zip: the records", async () => {
    const whole = zip(plain);
    const directory = whole.length - 22 - 6 * 46 - 150;
    await fuzz(whole, fc.oneof(fc.integer({ min: directory, max: whole.length - 1 }), fc.nat(whole.length - 1)));
  });

  it("zip64: the records", async () => {
    const whole = zip(plain, { zip64: true });
    await fuzz(whole, fc.oneof(fc.integer({ min: whole.length - 98, max: whole.length - 1 }), fc.nat(whole.length - 1)));
  });

  it("a pickle", async () => {
    const pickle = stateDict(tensors, { wrapped: true });
    const whole = zip(plain.map(([name, data]) => [name, name.endsWith("data.pkl") ? pickle : data]));
    const start = 64;
    await fuzz(whole, fc.integer({ min: start, max: start + pickle.length - 1 }));
  });

  it("a pickle of real torch", async () => fuzz(await fixtureBytes("torch/adamw-protocol4.pt"), fc.integer({ min: 64, max: 1200 })));

  it("the legacy format", async () => {
    const whole = torchLegacy(tensors, { wrapped: true });
    await fuzz(whole, fc.nat(whole.length - 1));
  });
});

it("I17 a class's name is shown without what a terminal acts on", async () => {
  const error = await fault(zipped(py.pickle(py.call(py.global("os", "\u001b[31msystem"), py.str("true")))));
  expect(error.message).not.toMatch(/\p{Cc}/u);
  expect(error.message).toContain("\\u{1b}[31msystem");
});

it("I17 a tensor's name is shown without C1 controls and marks that turn the direction of text", async () => {
  const bytes = safetensors({ "a\u009b31m\u202e": { dtype: 1 } }, 0);
  const error: unknown = await readCheckpoint([memoryFile("model.safetensors", bytes)]).catch((thrown: unknown) => thrown);
  expect(String(error)).toContain("a\\u{9b}31m\\u{202e}");
});
