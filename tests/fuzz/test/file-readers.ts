/**
 * Readers of files, folders and servers: each case writes its bytes where a program would find them, or answers with them, and is read as programs read.
 * Cases of one reader may run at the same time, as they do in the soak test.
 */
import { ChineseCLIP, loadImage } from "@chinese-clip/node";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { createHash } from "node:crypto";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { readImageTsv } from "../../../packages/dataset/src/cn-clip/image-tsv.js";
import { readFeatures } from "../../../packages/dataset/src/cn-clip/read-features.js";
import { readIndexRecord } from "../../../packages/dataset/src/image-index/index-record.js";
import { imageSize } from "../../../packages/dataset/src/images/image-size.js";
import { loadShards } from "../../../packages/dataset/src/load/load-shards.js";
import { openJsonlOutput, openNpyOutput } from "../../../packages/dataset/src/output/feature-output.js";
import { readRecord } from "../../../packages/dataset/src/output/model-record.js";
import { embedShard } from "../../../packages/dataset/src/shards/embed-shard.js";
import { openManifest } from "../../../packages/dataset/src/shards/manifest.js";
import { shardFiles } from "../../../packages/dataset/src/shards/shard-files.js";
import { jsonlTexts } from "../../../packages/dataset/src/sources/items.js";
import { listedFiles } from "../../../packages/dataset/src/sources/list-file.js";
import { openLocation } from "../../../packages/dataset/src/sources/locations.js";
import { openSource } from "../../../packages/dataset/src/sources/open-source.js";
import { s3Store } from "../../../packages/dataset/src/store/s3-store.js";
import { hashEmbedder, memorySource, shardsOf } from "../../../packages/dataset/test/shards/memory-source.js";
import { readIndex } from "../../../packages/evaluation/src/node/read-index.js";
import { readLabels } from "../../../packages/evaluation/src/node/read-labels.js";
import { safetensorsHeader } from "../../../packages/model/src/index.js";
import { audit, indexManifest } from "../../../packages/queue/src/index.js";
import { MemoryStore } from "../../../packages/search/src/index.js";
import { openFolderStore } from "../../../packages/search/src/node/index.js";
import { bodyOf, sealBody } from "../../../packages/search/src/node/folder-store/sealed-line.js";
import { readNpy } from "../../../packages/search/src/node/npy-file.js";
import { readRun } from "../../../packages/training/src/node/read-run.js";
import { captionedImages, cnClipPairs, listedPairs } from "../../../packages/training/src/node/index.js";
import type { Reader } from "./run-cases.js";

const root = new URL("../../../", import.meta.url);
const bytesOf = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(path, root)));
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const scratch = scratchFolder();

let cases = 0;

/** A folder of one case, with a file in it. */
async function withFile(
  name: string,
  content: string | Uint8Array,
  read: (file: string, folder: string) => unknown,
  like?: string,
): Promise<void> {
  const folder = scratch.path(`case-${cases++}`);
  try {
    await (like === undefined ? mkdir(folder) : cp(like, folder, { recursive: true }));
    const file = join(folder, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    await read(file, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Items that are read of what may have no end. */
const MOST_ITEMS = 1000;

async function drain(items: AsyncIterable<unknown>): Promise<void> {
  let count = 0;
  for await (const _ of items) if (++count === MOST_ITEMS) return;
}

/** Every item of a source. */
async function drainSource(spec: string): Promise<void> {
  const source = openSource(spec, { maxImageBytes: 1 << 20, network: { attempts: 1, stallMilliseconds: 300 } });
  let count = 0;
  for await (const shard of source.list({ shardSize: 64 })) {
    await drain(source.read(shard, {}));
    if (++count === 16) return;
  }
}

const text = (name: string, file: string, seeds: readonly string[], read: (file: string) => unknown): Reader => ({
  name,
  weight: 6,
  kind: "text",
  seeds,
  read: (input) => withFile(file, input, read),
});

// An index of 40 items in two calls, one of them removed.
const index = scratch.folder("index");
{
  const store = await openFolderStore(index, { dim: 4, fingerprint: "m", precision: "int8" });
  const items = Array.from({ length: 40 }, (_, i) => ({
    id: `图 ${i}.jpg`,
    embedding: Float32Array.of(Math.cos(i), Math.sin(i), 0, 0),
    meta: { path: `${i}.jpg`, size: i, deep: { er: [1, null] } },
  }));
  await store.upsert(items.slice(0, 30));
  await store.upsert(items.slice(20));
  await store.delete(["图 3.jpg"]);
  await store.close();
}
const indexFile = (pattern: RegExp): string => readdirSync(index).find((name) => pattern.test(name)) as string;
const [LOG, VECTORS] = [indexFile(/\.jsonl$/u), indexFile(/\.npy$/u)];
const logLines = readFileSync(join(index, LOG), "utf8").trimEnd().split("\n");

/** Opens an index as readers do, and as a writer that repairs it. */
async function openBothWays(_: string, folder: string): Promise<void> {
  let fault: unknown;
  try {
    const store = await openFolderStore(folder, { readOnly: true });
    await store.search({ vector: Float32Array.of(1, 0, 0, 0), top: 3 });
    await drain(store.scan());
    await store.close();
  } catch (error) {
    fault = error;
  }
  await (await openFolderStore(folder, { repair: true, precision: "int8" })).close();
  if (fault !== undefined) throw fault; // an error, which is looked at as the writer's is
}
const indexReader = (name: string, file: string, weight: number): Reader => ({
  name,
  weight,
  kind: "bytes",
  seeds: [new Uint8Array(readFileSync(join(index, file)))],
  read: (input) => withFile(file, input, openBothWays, index),
});

// A shard, as a worker writes it.
const shards = scratch.folder("shards");
const SHARD = shardFiles(0);
const shardSource = memorySource(
  Array.from({ length: 12 }, (_, i) => ({
    key: `图 ${i}.jpg`,
    image: utf8(`image ${i}`),
    caption: `文本 ${i}`,
    meta: { width: i, tags: ["a"] },
  })),
);
for (const shard of await shardsOf(shardSource, 12))
  await embedShard(hashEmbedder(), shardSource, shard, { output: shards, towers: ["image", "text"] });
const [shardId] = (await shardsOf(shardSource, 12)).map(({ id }) => id);
const manifestText = `${JSON.stringify({ format: "chinese-clip-manifest", version: 1, source: "memory:", shardSize: 12 })}\n`;

/** A file of a shard in the place of the one that is there, with a record that says that it is the right one. Each case of one with a table starts a process. */
const shardReader = (name: string, file: string, weight: number, read: (folder: string) => unknown): Reader => ({
  name,
  weight,
  kind: "bytes",
  seeds: [new Uint8Array(readFileSync(join(shards, file)))],
  read: (input) =>
    withFile(
      file,
      input,
      async (_, folder) => {
        const record = JSON.parse(readFileSync(join(folder, SHARD.record), "utf8")) as { files: Record<string, object> };
        record.files[file] = { bytes: input.length, sha256: createHash("sha256").update(input).digest("hex") };
        writeFileSync(join(folder, SHARD.record), JSON.stringify(record));
        await read(folder);
      },
      shards,
    ),
});
const loadOne = async (folder: string): Promise<void> => {
  await loadShards(folder, new MemoryStore({ fingerprint: "model-a", dim: 8 }), { parquet: { milliseconds: 1500 } });
};

// The state of a training run.
const run = scratch.folder("run");
const PROGRESS = [
  '{"format":"chinese-clip training 1","settings":{"steps":"4","batchSize":"2"},"source":{"model":"m","data":"pairs.csv"}}',
  '{"step":1,"epoch":1,"loss":0.7,"imageToText":0.5,"textToImage":0.5,"logitScale":14.3,"learningRate":0.001,"seconds":0.1}',
  '{"step":1,"validation":true,"textToImage":{"r1":0.1,"r5":0.2,"r10":0.3},"imageToText":{"r1":0.1,"r5":0.2,"r10":0.3}}\n',
].join("\n");
const stateOf = (record: string): Uint8Array => {
  const header = safetensorsHeader([{ name: "parameter.w", dtype: "F32", shape: [2, 2] }], { run: record });
  return Buffer.concat([header, new Uint8Array(16)]);
};
const RECORD = '{"step":2,"settings":{"steps":"4","freeze":"none"}}';
writeFileSync(join(run, "progress.jsonl"), PROGRESS);
writeFileSync(join(run, "state.safetensors"), stateOf(RECORD));

// A model's folder.
const model = scratch.folder("model");
for (const name of ["config.json", "vocab.txt", "preprocessor_config.json", "model.safetensors"])
  cpSync(new URL(`fixtures/tiny-vit/${name}`, root), join(model, name));
const adapterNames = ["lora_A", "lora_B"].map((part) => `base_model.model.text_model.encoder.layer.0.attention.self.query.${part}.weight`);
const adapter = Buffer.concat([
  safetensorsHeader(
    adapterNames.map((name) => ({ name, dtype: "F32", shape: [2, 4] }) as const),
    { format: "pt" },
  ),
  new Uint8Array(64),
]);
const openModelFolder = async (_: string, folder: string): Promise<void> => {
  const clip = await ChineseCLIP.fromPretrained(folder, { limits: { pixels: 1_000_000, milliseconds: 2000 } });
  await clip.dispose();
};
const modelReader = (name: string, file: string, seeds: readonly string[]): Reader => ({
  name,
  weight: 4,
  kind: "json-text",
  seeds,
  read: (input) => withFile(file, input, openModelFolder, model),
});

// Servers that answer with what a case is.
let answers: Promise<{ readonly s3: number; readonly raw: number }> | undefined;
const bodies = new Map<string, string | Uint8Array>();
const FINAL_PAGE = '<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>0</KeyCount></ListBucketResult>';
function startAnswers(): Promise<{ readonly s3: number; readonly raw: number }> {
  const s3 = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://store");
    const body = bodies.get((url.searchParams.get("prefix") ?? "").replace("/", "")) ?? "";
    const isError = String(body).includes("<Error>");
    response.writeHead(isError ? 403 : 200, { "content-type": "application/xml" });
    response.end(url.searchParams.has("continuation-token") && !isError ? FINAL_PAGE : body);
  });
  const raw = createTcpServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (head) => socket.end(bodies.get(/^\w+ \/(\S+)/u.exec(head.toString("latin1"))?.[1] ?? "") ?? ""));
  });
  const listen = (server: typeof raw): Promise<number> =>
    new Promise((resolve) => void server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)).unref());
  return Promise.all([listen(s3), listen(raw)]).then(([s3Port, rawPort]) => ({ s3: s3Port, raw: rawPort }));
}
async function withAnswer(
  body: string | Uint8Array,
  read: (name: string, ports: { readonly s3: number; readonly raw: number }) => Promise<unknown>,
): Promise<void> {
  const name = `case-${cases++}`;
  bodies.set(name, body);
  try {
    await read(name, await (answers ??= startAnswers()));
  } finally {
    bodies.delete(name);
  }
}

const NETWORK = { attempts: 1, stallMilliseconds: 300 };
const JPEG_WITH_EXIF = bytesOf("fixtures/images/exif6.jpg");

const PRIVATE = [
  "http://127.0.0.1:9",
  "http://localhost",
  "https://[::1]:9",
  "http://169.254.169.254",
  "http://0x7f000001",
  "http://[::ffff:10.0.0.1]",
];

const readers: readonly Reader[] = [
  text(
    "list of paths",
    "paths.txt",
    ["a.jpg\n照片/b.png\r\n\n/tmp/c d.gif\n", "a.jpg\0b.jpg\0", "http://127.0.0.1/a.jpg\nhttps://[::1]:1/b.jpg\n"],
    async (file) => {
      await drain(listedFiles([readFileSync(file)] as unknown as AsyncIterable<Uint8Array>, file));
      await drainSource(`list:${file}`);
    },
  ),
  text("image tsv", "a_imgs.tsv", ["12\t/9j/4AAQSkZJRg==\n13\tiVBORw0KGgo=\n"], async (file) => {
    await drain(readImageTsv(file));
    await drainSource(`tsv:${file}`);
  }),
  text("text jsonl", "a_texts.jsonl", ['{"text_id": 3, "text": "猫", "image_ids": [1]}\n{"text_id": 4, "text": "狗"}\n'], async (file) => {
    await drain(jsonlTexts(file));
    await drainSource(`jsonl:${file}`);
  }),
  text("feature jsonl", "f.jsonl", ['{"image_id": 1, "feature": [0.5, NaN]}\n{"image_id": 2, "feature": [0.5, 1e-3]}\n'], async (file) => {
    await readFeatures(file, "image_id");
  }),
  text("pairs csv", "pairs.csv", ['image,text\na.jpg,"一只 ""猫"", 黑"\nb.jpg,狗\n', "filepath,title\r\na.jpg,猫\r\n"], listedPairs),
  text("pairs tsv", "pairs.tsv", ["image\ttext\na.jpg\t一只猫\nb.jpg\t狗\n"], listedPairs),
  text("pairs jsonl", "pairs.jsonl", ['{"image":"a.jpg","text":"猫"}\n{"image":"b.jpg","text":"狗"}\n'], listedPairs),
  text("labels", "label_cn.txt", ["猫\n狗\n", "\ufeff猫\r\n狗\r\n"], (file) => readLabels(file, ["cat", "dog"])),
  text("index.json", "index.json", ["[1, 0, -1]"], (file) => readIndex(file, 3)),
  text(
    "manifest",
    "manifest.jsonl",
    [`${manifestText}{"id":"a","index":0,"count":2,"part":{"from":0,"to":2}}\n{"shards":1,"items":2}\n`],
    async (file) => {
      await drain((await openManifest(file)).shards());
      await indexManifest(file);
    },
  ),
  text(
    "resumed features",
    "f.jsonl",
    ['{"image_id": 1, "feature": [0.5, 0.5]}\n{"image_id": 2, "feature": [0.5, 0.25]}\n'],
    async (file) => {
      await (await openJsonlOutput(file, { id: "image_id", label: "image_path", labelled: false, kind: "img" }, 2)).close();
    },
  ),
  {
    name: "resumed npy",
    weight: 6,
    kind: "bytes",
    seeds: [new Uint8Array(readFileSync(join(shards, SHARD.image)))],
    read: (input) =>
      withFile("img_emb/img_emb_0.npy", input, async (file, folder) => {
        await (
          await openNpyOutput(folder, { id: "image_id", label: "image_path", labelled: true, kind: "img" }, 8, { index: 0, count: 1 })
        ).close();
        await readNpy(file);
      }),
  },
  {
    name: "feature record",
    weight: 4,
    kind: "json-text",
    seeds: ['{"model":"m","tower":"image","dtype":"fp32","decode":"fast","weights":"00ff"}'],
    read: (input) => withFile("f.jsonl.model.json", input, (file) => readRecord(file.replace(".model.json", ""))),
  },
  {
    name: "images.json",
    weight: 4,
    kind: "json-text",
    seeds: ['{"format":"chinese-clip-images","version":1,"settings":{"model":"m","dtype":"q8","orientation":true},"folders":["/a","/b"]}'],
    read: (input) => withFile("images.json", input, (_, folder) => readIndexRecord(folder)),
  },
  {
    name: "tar file",
    weight: 8,
    kind: "bytes",
    seeds: [
      ...readdirSync(new URL("fixtures/shards/", root))
        .filter((name) => name.endsWith(".tar"))
        .map((name) => bytesOf(`fixtures/shards/${name}`)),
      bytesOf("fixtures/shards/img2dataset.tar.gz"),
      new Uint8Array(gzipSync(new Uint8Array(8 << 20))),
    ],
    read: (input) => withFile(input[0] === 0x1f ? "a.tar.gz" : "a.tar", input, (file) => drainSource(`webdataset:${file}`)),
  },
  shardReader("shard table", SHARD.metadata, 2, loadOne),
  shardReader("shard rows", SHARD.image, 2, loadOne),
  shardReader("audited table", SHARD.metadata, 2, async (folder) => {
    const manifest = join(folder, "manifest.jsonl");
    writeFileSync(manifest, `${manifestText}{"id":"${shardId ?? ""}","index":0,"part":{"from":0,"to":12}}\n{"shards":1}\n`);
    await audit({ manifest: await indexManifest(manifest), output: folder, parquet: { milliseconds: 1500 } });
  }),
  indexReader("search index log", LOG, 6),
  indexReader("search index vectors", VECTORS, 4),
  indexReader("search index head", "index.json", 4),
  {
    name: "search index line",
    weight: 6,
    kind: "json-text",
    seeds: logLines.slice(1).map((line) => `${bodyOf(utf8(line))?.toString() ?? ""}}`),
    read: (input) => withFile(LOG, `${logLines[0] ?? ""}\n${sealBody(input.trimEnd().replace(/\}$/u, ""))}`, openBothWays, index),
  },
  {
    name: "training state",
    weight: 6,
    kind: "bytes",
    seeds: [stateOf(RECORD)],
    read: (input) => withFile("state.safetensors", input, (_, folder) => readRun(folder), run),
  },
  {
    name: "training record",
    weight: 6,
    kind: "json-text",
    seeds: [RECORD],
    read: (input) => withFile("state.safetensors", stateOf(input), (_, folder) => readRun(folder), run),
  },
  {
    name: "training log",
    weight: 6,
    kind: "text",
    seeds: [PROGRESS],
    read: (input) => withFile("progress.jsonl", input, (_, folder) => readRun(folder), run),
  },
  {
    name: "training pairs",
    weight: 4,
    kind: "text",
    seeds: ["一只猫\n", "狗,cat\n"],
    read: (input) =>
      withFile("data/a.txt", input, async (_, folder) => {
        await writeFile(join(folder, "data/a.jpg"), "");
        await writeFile(join(folder, "data/train_texts.jsonl"), input);
        await writeFile(join(folder, "data/train_imgs.tsv"), input);
        await captionedImages(join(folder, "data"));
        await cnClipPairs(join(folder, "data"));
      }),
  },
  {
    name: "model folder: weights",
    weight: 6,
    kind: "bytes",
    seeds: [adapter, bytesOf("fixtures/tiny-vit/model.safetensors")],
    read: (input) => withFile("model.safetensors", input, openModelFolder, model),
  },
  modelReader("model folder: config", "config.json", [readFileSync(join(model, "config.json"), "utf8")]),
  modelReader("model folder: adapter", "adapter_config.json", [
    '{"peft_type":"LORA","r":2,"lora_alpha":4,"target_modules":["query"],"bias":"none"}',
  ]),
  {
    name: "model folder: index",
    weight: 4,
    kind: "json-text",
    seeds: ['{"metadata":{"total_size":20},"weight_map":{"logit_scale":"model.safetensors","text_projection":"b.safetensors"}}'],
    read: (input) =>
      withFile(
        "model.safetensors.index.json",
        input,
        async (file, folder) => {
          await rm(join(folder, "model.safetensors"));
          await writeFile(join(folder, "b.safetensors"), adapter);
          await openModelFolder(file, folder);
        },
        model,
      ),
  },
  {
    name: "image",
    weight: 6,
    kind: "bytes",
    seeds: [JPEG_WITH_EXIF, ...["gray.png", "cmyk.jpg"].map((name) => bytesOf(`fixtures/images/${name}`))],
    read: async (input) => {
      imageSize(input);
      await loadImage(input, { autoOrient: true, limits: { pixels: 1_000_000, milliseconds: 1500 } });
    },
  },
  {
    name: "S3 answers",
    weight: 6,
    kind: "text",
    seeds: [
      '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>b</Name><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken><Contents><Key>a.jpg</Key><Size>12</Size><ETag>"0"</ETag></Contents></ListBucketResult>',
      "<ListBucketResult><Contents><Key>%E7%8C%AB/&amp;#10;b.tar</Key><Size>0</Size></Contents><IsTruncated>false</IsTruncated></ListBucketResult>",
      "<Error><Code>AccessDenied</Code><Message>&lt;b&gt;</Message><RequestId>1</RequestId></Error>",
    ],
    read: (input) =>
      withAnswer(input, (name, { s3 }) =>
        drain(
          s3Store(`s3://bucket?endpoint=http://127.0.0.1:${s3}&region=r`, {
            credentials: { accessKeyId: "a", secretAccessKey: "b" },
            network: NETWORK,
          }).list(name),
        ),
      ),
  },
  {
    name: "HTTP answers",
    weight: 6,
    kind: "bytes",
    seeds: [
      utf8('HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 0-3/4\r\ncontent-length: 4\r\netag: "a"\r\n\r\nabcd'),
      utf8("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nlast-modified: Wed, 21 Oct 2026 07:28:00 GMT\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"),
      utf8("HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest\r\ncontent-length: 0\r\n\r\n"),
      utf8("HTTP/1.1 503 Busy\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n"),
    ],
    read: (input) =>
      withAnswer(input, async (name, { raw }) => {
        const file = openLocation(`http://127.0.0.1:${raw}/${name}`, { allowPrivateAddresses: true, network: NETWORK });
        await drain(file.stream({ start: 0, end: 4 }));
        await file.size();
      }),
  },
  {
    name: "image URL",
    weight: 6,
    kind: "text",
    seeds: ["a.jpg", "..%2f?x=1#y", "@169.254.169.254/latest/meta-data"],
    async read(input) {
      // The host stays one of this machine or its network: none of these may be asked.
      const address = `${PRIVATE[input.length % PRIVATE.length] ?? ""}/${input.slice(0, 20_000)}`;
      if (URL.canParse(address)) await loadImage(new URL(address));
    },
  },
];

/** The readers. */
export const FILE_READERS: readonly Reader[] = readers.map((reader) => ({ ...reader, costly: true }));
