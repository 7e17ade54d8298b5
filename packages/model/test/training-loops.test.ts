/** A5: checkpoints as training loops write them, in every format. What leads to the model is found by what is behind it. */
import { describe, expect, it } from "vitest";
import { CheckpointError, parseShardIndex, readCheckpoint } from "../src/index.js";
import { cnClipTensors } from "./cn-clip-names.js";
import { memoryFile } from "./fixtures.js";
import { expectTiny, safetensorsOf, tinyTensors } from "./tiny-tensors.js";
import { pickledDict, pickledTensor, py, type Tensor, torchEntries, torchLegacy, zip } from "./torch-writer.js";

const canonical = await tinyTensors();
const cnClip = cnClipTensors(canonical);
const head: Tensor = { dtype: "F32", shape: [2], data: new Uint8Array(8).fill(7) };

const renamed = (tensors: ReadonlyMap<string, Tensor>, rename: (name: string) => string): Map<string, Tensor> =>
  new Map([...tensors].map(([name, tensor]) => [rename(name), tensor]));

/** A file that `torch.save` would write of these keys around a state dict; zip and legacy. */
function wrapped(tensors: ReadonlyMap<string, Tensor>, wrap: (dict: Uint8Array, legacy: boolean) => Uint8Array): Uint8Array[] {
  const pickle = (legacy: boolean): Uint8Array => py.pickle(wrap(pickledDict(tensors, { legacy }), legacy));
  return [zip(torchEntries(tensors, { pickle: pickle(false) })), torchLegacy(tensors, { pickle: pickle(true) })];
}

async function fault(bytes: Uint8Array): Promise<CheckpointError> {
  const error: unknown = await readCheckpoint([memoryFile("model.pt", bytes)])
    .then((checkpoint) => checkpoint.tensor("logit_scale", []))
    .catch((thrown: unknown) => thrown);
  if (!(error instanceof CheckpointError)) throw new Error(`expected a CheckpointError, got ${String(error)}`);
  return error;
}

describe("A5 checkpoints of other training loops", () => {
  it.each([
    "module.",
    "_orig_mod.",
    "module._orig_mod.",
    "_orig_mod.module.",
    "model.",
    "net.",
    "clip.model.",
    "模型.",
    "visual.",
    "a.b.c.d.",
  ])("prefix %s, in Hugging Face's names and in cn_clip's, in each format", async (prefix) => {
    for (const names of [canonical, cnClip]) {
      const tensors = renamed(names, (name) => prefix + name);
      await expectTiny(safetensorsOf(tensors));
      await expectTiny(zip(torchEntries(tensors)));
      await expectTiny(torchLegacy(tensors));
    }
  });

  it("wrappers around parts and layers: torch.compile, FSDP, activation checkpoints", async () => {
    const inner = renamed(cnClip, (name) =>
      name
        .replace(/^(visual|bert)\./, "$1._orig_mod.")
        .replace(/(resblocks\.\d+)\./, "$1._fsdp_wrapped_module._checkpoint_wrapped_module."),
    );
    await expectTiny(safetensorsOf(inner));
    await expectTiny(zip(torchEntries(renamed(inner, (name) => `module.${name}`))));
  });

  it.each([
    ["state_dict"],
    ["model_state_dict"],
    ["model"],
    ["module"],
    ["net"],
    ["what_nobody_has_heard_of"],
    ["state", "model"],
    ["a", "b", "c", "d"],
  ])("wrapper %s", async (...keys) => {
    const tensors = renamed(cnClip, (name) => `module.${name}`);
    const wrap = (dict: Uint8Array): Uint8Array =>
      keys.reduceRight((inner, key) => py.dict([py.str("epoch"), py.int(3)], [py.str(key), inner]), dict);
    for (const bytes of wrapped(tensors, wrap)) await expectTiny(bytes);
  });

  it("a tuple of the model and an optimizer, whose moments have the model's names", async () => {
    const moment = (legacy: boolean): Uint8Array =>
      py.dict(
        ...["visual.proj", "logit_scale"].map(
          (name) => [py.str(name), pickledTensor("F32", "missing", 1000, [10, 100], { legacy })] as const,
        ),
      );
    for (const bytes of wrapped(cnClip, (dict, legacy) => py.tuple(dict, py.dict([py.str("exp_avg"), moment(legacy)]))))
      await expectTiny(bytes);
  });

  it("other heads beside the model are no hindrance", async () => {
    const lightning = new Map([...renamed(canonical, (name) => `model.${name}`), ["model.head.weight", head], ["loss.margin", head]]);
    await expectTiny(safetensorsOf(lightning), ["head.weight", "loss.margin"]);
    await expectTiny(zip(torchEntries(lightning)), ["head.weight", "loss.margin"]);
  });

  it("towers under names of their own are one model", async () => {
    const parts = renamed(canonical, (name) => (name.startsWith("vision_model.") ? `image.net.${name}` : `text.net.${name}`));
    await expectTiny(safetensorsOf(parts));
  });

  it("the model goes before its average; an average alone is taken", async () => {
    const zeros = new Map([...canonical].map(([name, tensor]) => [name, { ...tensor, data: new Uint8Array(tensor.data.length) }]));
    for (const ema of ["ema", "model_ema", "ema_model", "swa_state", "teacher"]) {
      const both = new Map([...renamed(zeros, (name) => `${ema}.${name}`), ...renamed(canonical, (name) => `model.${name}`)]);
      await expectTiny(
        safetensorsOf(both),
        [...canonical.keys()].map((name) => `${ema}.${name}`),
      );
    }
    await expectTiny(safetensorsOf(renamed(canonical, (name) => `model_ema.module.${name}`)));
  });

  it("two models: says which, and what to do", async () => {
    const two = new Map([...renamed(canonical, (name) => `best.${name}`), ...renamed(canonical, (name) => `last.${name}`)]);
    expect(await fault(safetensorsOf(two))).toMatchObject({
      code: "malformed",
      message: expect.stringMatching(/expected one model, got two: under "best\." and under "last\."; save the state dict of the one/),
    });
  });

  it("a tower that was saved alone, behind a prefix", async () => {
    const text = new Map([...canonical].filter(([name]) => name.startsWith("text_model.")));
    const alone = renamed(text, (name) => name.replace("text_model.", "encoder.module."));
    const { tensors } = await readCheckpoint([memoryFile("model.safetensors", safetensorsOf(alone))]);
    expect([...tensors.keys()].sort()).toEqual([...text.keys()].sort());
  });

  it("shards, whose index has the names as they are in the files", async () => {
    const entries = [...renamed(canonical, (name) => `module.${name}`)];
    const shards = [entries.slice(0, 20), entries.slice(20)].map((some) => new Map(some));
    for (const [ext, write] of [
      ["safetensors", safetensorsOf],
      ["bin", (tensors: ReadonlyMap<string, Tensor>) => zip(torchEntries(tensors))],
    ] as const) {
      const files = shards.map((some, i) => memoryFile(`${i}.${ext}`, write(some)));
      const weight_map = Object.fromEntries(shards.flatMap((some, i) => [...some.keys()].map((name) => [name, `${i}.${ext}`])));
      const { tensors } = await readCheckpoint(files, parseShardIndex({ weight_map }, "index.json"));
      expect([...tensors.keys()].sort()).toEqual([...canonical.keys()].sort());
    }
  });

  it("what is no Chinese-CLIP: says what was seen, and what to save", async () => {
    const other = new Map([...Array(30).keys()].map((i) => [`backbone.layer${i}.weight`, head]));
    for (const bytes of [safetensorsOf(other), ...wrapped(other, (dict) => py.dict([py.str("net"), dict]))]) {
      const { code, message } = await fault(bytes);
      expect(code).toBe("missing-tensor");
      expect(message).toMatch(
        /none of its 30 tensors.* has a name of this model's: "backbone\.layer0\.weight", .*save model\.state_dict\(\)/,
      );
    }
    const names = renamed(canonical, (name) => `base_model.model.${name.replace("query.", "query.base_layer.")}`);
    expect((await fault(safetensorsOf(names))).message).toMatch(/PEFT's \(LoRA\); merge them with merge_and_unload\(\)/);
    const adapter = new Map([["base_model.model.text_model.encoder.layer.0.attention.self.query.lora_A.weight", head]]);
    expect((await fault(safetensorsOf(adapter))).message).toMatch(/PEFT/);
    expect(
      (await fault(zip([["a/data.pkl", py.pickle(py.dict([py.str("epoch"), py.int(1)], [py.str("args"), py.none]))]]))).message,
    ).toMatch(/expected a state dict of tensors, .* got "epoch", "args"; save model\.state_dict\(\)/);
    const part = await fault(safetensorsOf(new Map([["net.text_model.x.weight", head]])));
    expect(part.message).toMatch(/expected a tensor logit_scale .*the model's tensors were found under "net\."/);
  });
});

describe("A14 a dtype or a number of axes that no tensor of the model has", () => {
  const odd = new Map([...canonical, ["zz.scale", head]]);
  it.each<[string, (header: string) => string]>([
    ["F8_E8M0", (header) => header.replace(/("zz\.scale":\{"dtype":)"F32","shape":\[2\]/, '$1"F8_E8M0","shape":[8]')],
    ["C64", (header) => header.replace(/("zz\.scale":\{"dtype":)"F32","shape":\[2\]/, '$1"C64","shape":[1]')],
    ["F4", (header) => header.replace(/("zz\.scale":\{"dtype":)"F32","shape":\[2\]/, '$1"F4","shape":[16]')],
    ["17 axes", (header) => header.replace(/("zz\.scale":\{"dtype":"F32","shape":)\[2\]/, "$1[2,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]")],
  ])("%s: only that tensor is refused", async (_, edit) => {
    const bytes = safetensorsOf(odd);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = new TextEncoder().encode(edit(new TextDecoder().decode(bytes.subarray(8, 8 + length))));
    const edited = new Uint8Array(8 + header.length + bytes.length - 8 - length);
    new DataView(edited.buffer).setBigUint64(0, BigInt(header.length), true);
    edited.set(header, 8);
    edited.set(bytes.subarray(8 + length), 8 + header.length);
    await expectTiny(edited);
    const checkpoint = await readCheckpoint([memoryFile("model.safetensors", edited)]);
    expect(() => checkpoint.tensor("zz.scale", [2])).toThrow(/model\.safetensors: tensor zz\.scale: expected a /);
  });

  it("a storage of complex numbers, in torch's formats", async () => {
    const complex = (legacy: boolean): Uint8Array => {
      const id = [
        py.str("storage"),
        py.global("torch", "ComplexFloatStorage"),
        py.str("0"),
        py.str("cpu"),
        py.int(1),
        ...(legacy ? [py.none] : []),
      ];
      return py.call(
        py.global("torch._utils", "_rebuild_tensor_v2"),
        py.persistent(py.tuple(...id)),
        py.int(0),
        py.tuple(py.int(1)),
        py.tuple(py.int(1)),
        py.false,
        py.call(py.global("collections", "OrderedDict")),
      );
    };
    const all = new Map([["freqs", { ...head, dtype: "I64" as const }], ...canonical]);
    for (const legacy of [false, true]) {
      const dict = pickledDict(new Map([...all].slice(1)), { legacy, first: 1 });
      const pickle = py.pickle(py.dict([py.str("freqs"), complex(legacy)], [py.str("model"), dict]));
      await expectTiny(legacy ? torchLegacy(all, { pickle }) : zip(torchEntries(all, { pickle })));
    }
  });
});
