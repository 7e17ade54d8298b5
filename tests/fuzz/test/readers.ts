/** Every reader of what a stranger wrote, with valid inputs. Sources are read by path: what is fuzzed is behind the packages' entries. */
import { readFileSync, readdirSync } from "node:fs";
import { runCommand } from "../../../packages/cli/src/command.js";
import { info } from "../../../packages/cli/src/commands/info.js";
import { parseFeature } from "../../../packages/dataset/src/cn-clip/feature-lines.js";
import { braceNames } from "../../../packages/dataset/src/bytes/brace-names.js";
import { memoryFile as dataFile } from "../../../packages/dataset/src/bytes/byte-file.js";
import { ParquetDecoder } from "../../../packages/dataset/src/parquet/parquet-reader.js";
import { parseShard } from "../../../packages/dataset/src/shards/manifest.js";
import { parseShardRecord } from "../../../packages/dataset/src/shards/shard-files.js";
import { openSource } from "../../../packages/dataset/src/sources/open-source.js";
import { parseS3Address } from "../../../packages/dataset/src/store/s3-store.js";
import { streamedSamples } from "../../../packages/dataset/src/sources/tar-samples.js";
import { parseAnnotation } from "../../../packages/evaluation/src/cn-clip/annotation.js";
import { parseImageProcessorConfig } from "../../../packages/image-processor/src/image-processor-config.js";
import { parseCnClipConfig } from "../../../packages/model/src/config/cn-clip-config.js";
import { ChineseCLIPConfig } from "../../../packages/model/src/config/config.js";
import { readCombinedOnnx } from "../../../packages/model/src/onnx/read/combined-onnx.js";
import type { CheckpointFile } from "../../../packages/model/src/weights/byte-source.js";
import { readCheckpoint } from "../../../packages/model/src/weights/checkpoint.js";
import { readPickle } from "../../../packages/model/src/weights/pickle.js";
import { parseShardIndex } from "../../../packages/model/src/weights/shard-index.js";
import { parseEtag, isSafeId, isSafePath } from "../../../packages/node/src/hub/hub-path.js";
import { parseRetryAfter } from "../../../packages/node/src/hub/retry.js";
import { openBmp } from "../../../packages/node/src/image/decode-bmp.js";
import { openGif } from "../../../packages/node/src/image/decode-gif.js";
import { describeUnknownBytes, detectImageFormat, isCutShort, withPixelChecksums } from "../../../packages/node/src/image/image-format.js";
import { parseSource } from "../../../packages/node/src/sources/model-source.js";
import { findPreprocessorConfig } from "../../../packages/pipeline/src/loading/read-config.js";
import { loadTokenizer } from "../../../packages/pipeline/src/loading/load-tokenizer.js";
import { parseLabelLines, parseLabelList } from "../../../packages/pipeline/src/zero-shot/parse-labels.js";
import { parseTemplates } from "../../../packages/pipeline/src/zero-shot/parse-templates.js";
import { parseNpy } from "../../../packages/search/src/npy/npy.js";
import { parseQuery } from "../../../packages/search/src/query/query.js";
import { parseFilter } from "../../../packages/search/src/store/filter.js";
import { BertTokenizer } from "../../../packages/tokenizer/src/bert-tokenizer.js";
import { parseManifest } from "../../../packages/web/src/hub/hosted-model.js";
import { parseListing } from "../../../packages/web/src/hub/hub-model.js";
import { parseContentRange } from "../../../packages/web/src/http/request-range.js";
import type { Reader } from "./run-cases.js";

const root = new URL("../../../", import.meta.url);
const bytesOf = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(path, root)));
const textOf = (path: string): string => readFileSync(new URL(path, root), "utf8");
const folder = (path: string, pattern: RegExp): Uint8Array[] =>
  readdirSync(new URL(path, root))
    .filter((name) => pattern.test(name))
    .map((name) => bytesOf(path + name));

const memoryFile = (name: string, bytes: Uint8Array): CheckpointFile => ({
  name,
  byteLength: bytes.length,
  read: async (start, end) => bytes.slice(start, end),
});
const modelFiles = (files: Readonly<Record<string, string>>): Parameters<typeof loadTokenizer>[0] =>
  ({ source: "model", readText: async (name: string) => files[name] }) as unknown as Parameters<typeof loadTokenizer>[0];

const vocabulary = textOf("fixtures/tiny-vit/vocab.txt");
const tokenizerJson = JSON.stringify({
  version: "1.0",
  added_tokens: [
    { id: 0, content: "[PAD]", special: true },
    { id: 5, content: "pika", special: false },
  ],
  normalizer: { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
  pre_tokenizer: { type: "BertPreTokenizer" },
  post_processor: { type: "BertProcessing", sep: ["[SEP]", 3], cls: ["[CLS]", 2] },
  decoder: { type: "WordPiece", prefix: "##", cleanup: true },
  model: {
    type: "WordPiece",
    unk_token: "[UNK]",
    continuing_subword_prefix: "##",
    max_input_chars_per_word: 100,
    vocab: { "[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, pika: 5, "##chu": 6, 猫: 7 },
  },
});
const safetensors = (header: object, dataLength: number): Uint8Array => {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
};
const smallSafetensors = safetensors(
  {
    __metadata__: { format: "pt" },
    logit_scale: { dtype: "F32", shape: [], data_offsets: [0, 4] },
    text_projection: { dtype: "F16", shape: [2, 4], data_offsets: [4, 20] },
  },
  20,
);
const fullConfig = textOf("fixtures/tiny-vit/config.json");
const v5 = (name: string): string => textOf(`fixtures/v5-folder/${name}`);
const torchFiles = folder("fixtures/torch/", /\.(?:pt|bin)$/u);
const pickles = torchFiles.filter((bytes) => bytes[0] === 0x80);
const npy = (): Uint8Array => {
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }".padEnd(117) + "\n";
  const bytes = new Uint8Array(10 + header.length + 48);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  bytes.set(new TextEncoder().encode(header), 10);
  return bytes;
};
const bmp = (): Uint8Array => {
  const bytes = new Uint8Array(54 + 16 * 4);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  for (const [at, value] of [
    [2, bytes.length],
    [10, 54],
    [14, 40],
    [18, 4],
    [22, 4],
    [34, 64],
  ] as const)
    view.setUint32(at, value, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 32, true);
  return bytes;
};
const gif = Uint8Array.from(Buffer.from("R0lGODlhAgACAIAAAAAAAP///yH5BAEAAAAALAAAAAACAAIAAAIChFEAOw==", "base64"));
const images = [...folder("fixtures/images/", /\.(?:png|jpg|webp|bmp|gif|tiff?)$/u).filter(({ length }) => length < 20_000), bmp(), gif];

export const READERS: readonly Reader[] = [
  {
    name: "safetensors",
    weight: 8,
    kind: "bytes",
    seeds: [smallSafetensors, smallSafetensors, smallSafetensors, bytesOf("fixtures/tiny-vit/model.safetensors")],
    read: (input) => readCheckpoint([memoryFile("model.safetensors", input)]),
  },
  {
    name: "safetensors header",
    weight: 8,
    kind: "json-text",
    seeds: [new TextDecoder().decode(smallSafetensors.subarray(8, smallSafetensors.length - 20))],
    read: (input) => {
      const json = new TextEncoder().encode(input);
      const bytes = new Uint8Array(8 + json.length + 20);
      new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
      bytes.set(json, 8);
      return readCheckpoint([memoryFile("model.safetensors", bytes)]);
    },
  },
  {
    name: "shard index",
    weight: 4,
    kind: "json",
    seeds: [
      JSON.stringify({ metadata: { total_size: 20 }, weight_map: { logit_scale: "a.safetensors", text_projection: "b.safetensors" } }),
    ],
    read: (input) => parseShardIndex(input, "model.safetensors.index.json"),
  },
  { name: "torch", weight: 12, kind: "bytes", seeds: torchFiles, read: (input) => readCheckpoint([memoryFile("model.pt", input)]) },
  {
    name: "pickle",
    weight: 12,
    kind: "bytes",
    seeds: pickles,
    read: (input) => readPickle(input, 0, { file: "model.pt", globals: new Map(), persistent: () => null }),
  },
  {
    name: "onnx",
    weight: 1,
    kind: "bytes",
    seeds: [bytesOf("fixtures/tiny-onnx/onnx/model.onnx")],
    read: (input) => readCombinedOnnx(memoryFile("model.onnx", input), async () => undefined),
  },
  {
    name: "config.json",
    weight: 8,
    kind: "json",
    seeds: [fullConfig, v5("config.json")],
    read: (input) => ChineseCLIPConfig.fromJSON(input),
  },
  {
    name: "cn_clip config",
    weight: 4,
    kind: "json",
    seeds: [
      JSON.stringify([
        {
          vocab_size: 21128,
          text_hidden_size: 64,
          text_num_hidden_layers: 2,
          text_num_attention_heads: 1,
          text_intermediate_size: 256,
          text_hidden_act: "gelu",
          text_max_position_embeddings: 512,
          text_type_vocab_size: 2,
        },
        { embed_dim: 32, image_resolution: 224, vision_layers: 12, vision_width: 768, vision_patch_size: 16 },
      ]),
    ],
    read: (input) => (Array.isArray(input) ? parseCnClipConfig(input[0], input[1]) : parseCnClipConfig(input, input)),
  },
  {
    name: "preprocessor_config.json",
    weight: 6,
    kind: "json",
    seeds: [textOf("fixtures/tiny-vit/preprocessor_config.json")],
    read: parseImageProcessorConfig,
  },
  {
    name: "processor_config.json",
    weight: 4,
    kind: "json-text",
    seeds: [v5("processor_config.json")],
    read: (input) => findPreprocessorConfig(modelFiles({ "processor_config.json": input })),
  },
  {
    name: "tokenizer_config.json",
    weight: 6,
    kind: "json-text",
    seeds: [v5("tokenizer_config.json"), textOf("examples/demo-checkpoint/tokenizer_config.json")],
    read: (input) => loadTokenizer(modelFiles({ "tokenizer_config.json": input, "vocab.txt": vocabulary }), { flavor: "transformers" }),
  },
  {
    name: "added_tokens.json",
    weight: 2,
    kind: "json-text",
    seeds: ['{"pika":5,"chu":6}'],
    read: (input) => loadTokenizer(modelFiles({ "added_tokens.json": input, "vocab.txt": vocabulary }), {}),
  },
  {
    name: "tokenizer.json",
    weight: 8,
    kind: "json-text",
    seeds: [tokenizerJson],
    read: (input) => BertTokenizer.fromTokenizerJson(input, { flavor: "transformers" }).encode("pikachu 猫"),
  },
  {
    name: "vocab.txt",
    weight: 6,
    kind: "text",
    seeds: [vocabulary],
    read: (input) => BertTokenizer.fromVocab(input).encode("一只猫 cat"),
  },
  {
    name: "text to embed",
    weight: 8,
    kind: "text",
    seeds: ["一只可爱的猫 cat's café, 3.14 [MASK] 皮卡丘"],
    read: (() => {
      const tokenizer = BertTokenizer.fromVocab(vocabulary);
      return (input: string) => tokenizer.encode(input);
    })(),
  },
  {
    name: "label list",
    weight: 4,
    kind: "text",
    seeds: ["猫,狗，鸟", "# 标签\n猫\n狗\n"],
    read: (input) => [parseLabelList(input), parseLabelLines(input)],
  },
  {
    name: "templates",
    weight: 8,
    kind: "text",
    seeds: [
      "一张{}的照片。\n{}的图\n",
      '["a photo of {}", "{}"]',
      "set = [\n  lambda c: f'一张{c}的照片',\n  lambda c: f'{c}',\n]\n",
      'm = {"x": [lambda c: f"{c}"]}',
    ],
    read: (input) => parseTemplates(input, "templates.txt"),
  },
  { name: "query", weight: 6, kind: "text", seeds: ['猫 + 0.5*"在 雪地" - @a.jpg', "- 狗 + 2*猫"], read: parseQuery },
  {
    name: "filter",
    weight: 6,
    kind: "json",
    seeds: [
      '{"and":[{"field":"year","op":"gte","value":2020},{"not":{"field":["a","b"],"op":"in","value":["x",1]}}]}',
      '{"or":[{"field":"t","op":"eq","value":"x"},{"field":"t","op":"exists","value":true}]}',
    ],
    read: parseFilter,
  },
  { name: "npy", weight: 8, kind: "bytes", seeds: [npy()], read: (input) => parseNpy(input, "a.npy") },
  {
    name: "tar",
    weight: 12,
    kind: "bytes",
    seeds: folder("fixtures/shards/", /\.tar$/u),
    read: async (input) => {
      const chunks = async function* (): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < input.length; at += 1000) yield input.subarray(at, at + 1000);
      };
      for await (const _ of streamedSamples(chunks(), "a.tar", { maxMemberBytes: 1 << 20 }));
    },
  },
  {
    name: "parquet",
    weight: 2, // each case starts a process
    costly: true,
    kind: "bytes",
    seeds: folder("fixtures/shards/", /\.parquet$/u),
    read: async (input) => {
      using decoder = new ParquetDecoder({ maxBytes: 1 << 24, milliseconds: 1500 });
      const reader = await decoder.open(dataFile("a.parquet", input));
      const columns = reader.columns.map(({ name }) => name);
      for await (const _ of reader.rows(0, 100, columns));
    },
  },
  {
    name: "shard",
    weight: 6,
    kind: "json",
    seeds: ['{"id":"00000-1f3a9c0b2d41","index":0,"count":10,"part":{"file":"00000.tar","size":1024}}'],
    read: (input) => parseShard(input, "manifest.jsonl", 2),
  },
  {
    name: "shard record",
    weight: 2,
    kind: "json-text",
    seeds: [
      '{"format":"chinese-clip-shard","version":1,"id":"a","index":0,"rows":1,"failed":0,"towers":["image"],"dim":8,"fingerprint":"f","settings":{},"files":{"a":{"bytes":1,"sha256":"00"}}}',
    ],
    read: (input) => parseShardRecord(input, "shard_0000.json"),
  },
  {
    name: "data source",
    weight: 3,
    kind: "text",
    seeds: [
      "webdataset:s3://data/{00000..00099}.tar?endpoint=http://minio:9000",
      "parquet:https://host/part-{a,b}.parquet",
      "folder:photos",
    ],
    read: (input) => {
      const source = openSource(input);
      let count = 0;
      for (const _ of braceNames(input)) if (++count === 100) break;
      return input.startsWith("s3:") ? parseS3Address(input) : source;
    },
  },
  {
    name: "feature line",
    weight: 6,
    kind: "json-text",
    seeds: ['{"image_id": 360, "feature": [0.087633, 0.307479, -0.1005337]}'],
    read: (input) => parseFeature(input, "image_id", "f.jsonl", 1),
  },
  {
    name: "annotation",
    weight: 6,
    kind: "text",
    seeds: ['{"text_id": 3006, "text": "红色的汽车", "image_ids": [658]}\n{"text_id": 92, "text": "猫", "image_ids": [618, 1000]}\n'],
    read: (input) => parseAnnotation(input, "texts.jsonl"),
  },
  {
    name: "image sniff",
    weight: 12,
    kind: "bytes",
    seeds: [...images, new TextEncoder().encode('<?xml version="1.0"?><!-- a --><!DOCTYPE svg><svg xmlns="http://www.w3.org/2000/svg"/>')],
    read: (input) => {
      const format = detectImageFormat(input);
      withPixelChecksums(input);
      return format === undefined ? describeUnknownBytes(input) : isCutShort(format, input);
    },
  },
  { name: "bmp", weight: 10, kind: "bytes", seeds: [bmp()], read: (input) => openBmp(input, 1_000_000).decode() },
  { name: "gif", weight: 10, kind: "bytes", seeds: [gif], read: (input) => openGif(input, 1_000_000).decode() },
  {
    name: "hub answers",
    weight: 6,
    kind: "json-text",
    seeds: [
      '{"sha":"abc","siblings":[{"rfilename":"config.json","size":12},{"rfilename":"m.bin","size":3,"lfs":{"sha256":"00","size":3}}]}',
      '{"files":[{"name":"a","bytes":12,"sha256":"00"}]}',
    ],
    read: (input) => [parseListing(input), parseManifest(input)],
  },
  {
    name: "headers",
    weight: 6,
    kind: "text",
    seeds: ["bytes 0-99/100", 'W/"abc"', '"0123456789abcdef"', "120", "Wed, 21 Oct 2026 07:28:00 GMT"],
    read: (input) => [parseContentRange(input), parseEtag(input), parseRetryAfter(input), isSafePath(input), isSafeId(input)],
  },
  {
    name: "source",
    weight: 4,
    kind: "text",
    seeds: ["OFA-Sys/chinese-clip-vit-base-patch16", "./model/clip_cn.pt", "file:///m/x"],
    read: parseSource,
  },
  {
    name: "arguments",
    weight: 4,
    kind: "text",
    seeds: ["--json --model x", "--dtype q8 a b", "--bogus=1"],
    read: async (input) =>
      runCommand({ name: "info", summary: { en: "", zh: "" }, load: async () => ({ ...info, run: async () => 0 }) }, input.split(" "), {
        stdout: () => undefined,
        stderr: () => undefined,
      } as never),
  },
];
