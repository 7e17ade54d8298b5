/** More readers of what a stranger wrote: data sets, shards and their queue, classifiers, and what cameras write beside an image. */
import { parseImageLine } from "../../../packages/dataset/src/cn-clip/image-tsv.js";
import { parseTextLine } from "../../../packages/dataset/src/sources/items.js";
import { parseS3Address } from "../../../packages/dataset/src/store/s3-store.js";
import { parsePax, parseTarHeader } from "../../../packages/dataset/src/tar/tar-header.js";
import { parseExif } from "../../../packages/node/src/image/exif.js";
import { formatClassifier, parseClassifier } from "../../../packages/pipeline/src/classifier/index.js";
import { parseQueueAddress, redisConnection } from "../../../packages/queue/src/queue/address.js";
import { parseShardJob } from "../../../packages/queue/src/jobs/shard-job.js";
import { parseFilterText } from "../../../packages/search/src/store/filter-text.js";
import type { Reader } from "./run-cases.js";

/** An EXIF block: an orientation, a camera, and a place whose degrees are divided by 0. */
const exif = Uint8Array.from(
  Buffer.from(
    "49492a0008000000040012010300010000000600000010010200050000003e0000002588040001000000500000006987040001000000080000000000000043616d2031000000000000000000000002000100020002000000" +
      "4e00000002000500030000007000000000000000000000001e000000010000000000000000000000050000000000000000000000",
    "hex",
  ),
);
const tarBlock = new Uint8Array(512);
tarBlock.set(new TextEncoder().encode("photos/a.jpg"), 0);
tarBlock.set(new TextEncoder().encode("00000000012\0"), 124);
tarBlock.set(new TextEncoder().encode("ustar\x0000"), 257);
const classifier = formatClassifier({
  model: { fingerprint: "a".repeat(64), probe: Float32Array.of(0.6, 0.8) },
  head: { method: "linear", classes: ["猫", "狗"], dim: 2, weights: new Float32Array(4), bias: new Float32Array(2), regularization: 0.1 },
});

/** The readers. */
export const DATA_READERS: readonly Reader[] = [
  { name: "exif", weight: 6, kind: "bytes", seeds: [exif], read: parseExif },
  {
    name: "tar header",
    weight: 4,
    kind: "bytes",
    seeds: [tarBlock],
    read: (input) => parseTarHeader(Buffer.concat([input, tarBlock]).subarray(0, 512)),
  },
  {
    name: "pax",
    weight: 4,
    kind: "bytes",
    seeds: [new TextEncoder().encode("19 path=photos/a.jpg\n12 size=123\n")],
    read: (input) => parsePax(Buffer.from(input)),
  },
  {
    name: "shard job",
    weight: 4,
    kind: "json",
    seeds: ['{"shard":"000001","manifest":"abc","again":true}'],
    read: (input) => parseShardJob(input, "abc"),
  },
  {
    name: "queue address",
    weight: 4,
    kind: "text",
    seeds: ["redis://user:p%40ss@127.0.0.1:6379/2", "rediss://[::1]/", "postgres://u:p@db/jobs"],
    read: (input) => redisConnection(parseQueueAddress(input)),
  },
  {
    name: "s3 address",
    weight: 4,
    kind: "text",
    seeds: ["s3://bucket/prefix?endpoint=http://127.0.0.1:9000&region=us-east-1&pathStyle=true"],
    read: parseS3Address,
  },
  {
    name: "text line",
    weight: 4,
    kind: "json-text",
    seeds: ['{"text_id": 3, "text": "猫"}'],
    read: (input) => parseTextLine(input, "t.jsonl", 1),
  },
  { name: "image line", weight: 4, kind: "text", seeds: ["12\t/9j/4AAQSkZJRg=="], read: (input) => parseImageLine(input, "i.tsv", 1) },
  {
    name: "filter text",
    weight: 6,
    kind: "text",
    seeds: ['year >= 2020 and not (path ~ "a/*" or label in ["x", 1])', 'a.b = "c" or exists(d)'],
    read: (input) => parseFilterText(input),
  },
  {
    name: "classifier",
    weight: 4,
    kind: "json-text",
    seeds: [classifier],
    read: (input) => parseClassifier(input, "c.json"),
  },
];
