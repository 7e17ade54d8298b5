/** What an audit finds: nothing in what was embedded, and each fault that is planted. */
import { embedShard, openManifest, openSource, shardFiles, writeManifest } from "@chinese-clip/dataset";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { appendFileSync, cpSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { audit, type AuditReport, indexManifest, type ManifestIndex } from "../src/index.js";
import { FAKE_DIM, fakeEmbedder } from "./fake-embedder.js";

const scratch = scratchFolder();
const SHARDS = 12;
const PER_SHARD = 5;
let manifest: ManifestIndex;
let clean: string;
let count = 0;

beforeAll(async () => {
  for (let i = 0; i < SHARDS * PER_SHARD; i++) scratch.write(`images/${String(i).padStart(3, "0")}.png`, `image ${i}`);
  scratch.write("images/007.png"); // one that cannot be read
  const source = openSource(`folder:${scratch.path("images")}`);
  await writeManifest(scratch.path("manifest.jsonl"), source, { shardSize: PER_SHARD });
  manifest = await indexManifest(scratch.path("manifest.jsonl"));
  clean = scratch.path("clean");
  for await (const shard of (await openManifest(scratch.path("manifest.jsonl"))).shards())
    await embedShard(fakeEmbedder(), source, shard, { output: clean });
});

/** A copy of the clean output, with something done to it. */
async function auditOf(plant: (output: string, file: (name: string) => string) => void, quick = false): Promise<AuditReport> {
  const output = scratch.path(`output-${count++}`);
  cpSync(clean, output, { recursive: true });
  plant(output, (name) => join(output, name));
  return audit({ manifest, output, quick });
}

const files = shardFiles(3);
const shard3 = (): string | undefined => manifest.ids[3];

it("finds nothing in what was embedded", async () => {
  const report = await auditOf(() => undefined);
  expect(report).toEqual({
    clean: true,
    shards: SHARDS,
    complete: SHARDS,
    rows: SHARDS * PER_SHARD - 1,
    failed: 1,
    fingerprint: "fake",
    faults: [],
    faultCount: 0,
    again: [],
    remove: [],
  });
});

describe("finds", () => {
  const rows = PER_SHARD;
  const faults: readonly [string, (output: string, file: (name: string) => string) => void, object][] = [
    ["a shard that is missing", (_, file) => rmSync(file(files.image)), { kind: "missing" }],
    ["metadata that is missing", (_, file) => rmSync(file(files.metadata)), { kind: "torn", file: files.metadata, reason: "not there" }],
    [".npy that is cut off", (_, file) => truncateSync(file(files.image), 200), { kind: "torn", file: files.image }],
    [
      ".npy whose header states other rows",
      (_, file) => edit(file(files.image), (bytes) => bytes.write(`(${rows + 1}, `, bytes.indexOf("(5, "), "latin1")),
      { kind: "torn", file: files.image, reason: `its header states 6 rows of ${FAKE_DIM} values; the shard has 5 of ${FAKE_DIM}` },
    ],
    [
      "a row with NaN",
      (_, file) => edit(file(files.image), (bytes) => bytes.writeFloatLE(Number.NaN, 128 + 4 * FAKE_DIM * 2 + 8)),
      { kind: "invalid-row", file: files.image, reason: "row 2 has values that are NaN or infinite" },
    ],
    [
      "a row of zeros",
      (_, file) => edit(file(files.image), (bytes) => bytes.fill(0, 128, 128 + 4 * FAKE_DIM)),
      { kind: "invalid-row", file: files.image, reason: "row 0 has the length 0.000, expected 1" },
    ],
    [
      "a bit that is another",
      (_, file) => edit(file(files.image), (bytes) => bytes.writeUInt8(bytes.readUInt8(130) ^ 1, 130)),
      { kind: "torn", file: files.image, reason: "its bytes are not those that were written" },
    ],
    [
      "Parquet of another shard",
      (_, file) => {
        cpSync(file(shardFiles(1).metadata), file(files.metadata));
        editRecord(file(files.record), (record) => record.replace(/"metadata[^}]*\}/u, recordOf(file, 1, "metadata")));
      },
      { kind: "torn", file: files.metadata, reason: "it has 4 rows, the embeddings 5" },
    ],
    [
      "Parquet that the decoder would read without an end",
      (_, file) => cpSync(new URL("../../../fixtures/shards/endless-levels.parquet", import.meta.url), file(files.metadata)),
      { kind: "torn", file: files.metadata },
    ],
    [
      "another model's shard",
      (_, file) => editRecord(file(files.record), (record) => record.replace('"fake"', '"other"')),
      { kind: "foreign", file: files.record, reason: "fingerprint other, expected fake" },
    ],
    ["a record that is missing", (_, file) => rmSync(file(files.record)), { kind: "foreign", file: files.image }],
    ["a record that is torn", (_, file) => truncateSync(file(files.record), 50), { kind: "torn", file: files.record }],
    [
      "a shard in the place of another",
      (_, file) => {
        for (const name of ["image", "metadata", "record"] as const) cpSync(file(shardFiles(4)[name]), file(files[name]));
      },
      { kind: "foreign", file: files.record },
    ],
  ];
  it.each(faults)("%s", async (_, plant, fault) => {
    const report = await auditOf(plant);
    expect(report.faults).toEqual([expect.objectContaining({ ...fault, shard: shard3() })]);
    expect(report).toMatchObject({ clean: false, faultCount: 1, complete: SHARDS - 1, again: [shard3()], remove: [] });
  });

  it("rows that two shards have, and their keys", async () => {
    const report = await auditOf((_, file) => {
      for (const name of ["image", "metadata"] as const) cpSync(file(shardFiles(4)[name]), file(files[name]));
      const four = readFileSync(file(shardFiles(4).record), "utf8");
      writeFileSync(
        file(files.record),
        four.replaceAll("_0004", "_0003").replace(manifest.ids[4]!, shard3()!).replace('"index": 4', '"index": 3'),
      );
    });
    expect(report.faults).toEqual([expect.objectContaining({ kind: "duplicate", shard: manifest.ids[4] })]);
  });

  const others: readonly [string, (output: string, file: (name: string) => string) => void, object][] = [
    ["a file of a shard that the manifest does not have", (_, file) => cpSync(file(files.image), file(shardFiles(99).image)), { kind: "unknown-file", file: shardFiles(99).image }],
    ["a file of somebody else", (_, file) => writeFileSync(file("notes.txt"), "x"), { kind: "unknown-file", file: "notes.txt" }],
    ["a file beside a shard's", (_, file) => writeFileSync(file("metadata/metadata_0003.json"), "x"), { kind: "unknown-file" }],
    ["failures that nobody recorded", (_, file) => renameSync(file(shardFiles(1).failed), file(files.failed)), { kind: "unknown-file", file: files.failed }],
    ["what a killed worker was writing", (output) => cpSync(join(output, "img_emb"), join(output, ".staging/host.1.abc.x"), { recursive: true }), { kind: "leftover" }],
    ["a hidden file", (_, file) => writeFileSync(file("img_emb/.img_emb_0003.npy.chinese-clip.part"), "x"), { kind: "leftover" }],
  ]; // prettier-ignore
  it.each(others)("%s", async (_, plant, fault) => {
    const report = await auditOf(plant);
    expect(report.faults.find(({ shard }) => shard === undefined)).toMatchObject(fault);
    expect(report.clean).toBe(false);
    expect(report.remove).toHaveLength(1);
  });
});

it("looks at names and sizes alone when it is to be quick", async () => {
  const flip = (_: string, file: (name: string) => string): void =>
    edit(file(files.image), (bytes) => bytes.writeUInt8(bytes.readUInt8(130) ^ 1, 130));
  expect((await auditOf(flip, true)).clean).toBe(true);
  expect((await auditOf((_, file) => appendFileSync(file(files.metadata), "x"), true)).faults).toMatchObject([{ kind: "torn" }]);
});

it("says what is wrong with a manifest that was cut off", async () => {
  const text = readFileSync(scratch.path("manifest.jsonl"), "utf8");
  scratch.write("cut.jsonl", text.slice(0, text.length - 40));
  await expect(indexManifest(scratch.path("cut.jsonl"))).rejects.toMatchObject({ code: "manifest-cut" });
});

function edit(file: string, change: (bytes: Buffer) => unknown): void {
  const bytes = readFileSync(file);
  change(bytes);
  writeFileSync(file, bytes);
}

function editRecord(file: string, change: (record: string) => string): void {
  writeFileSync(file, change(readFileSync(file, "utf8")));
}

function recordOf(file: (name: string) => string, index: number, part: "metadata"): string {
  const record = readFileSync(file(shardFiles(index).record), "utf8");
  return /"metadata[^}]*\}/u.exec(record)?.[0].replace(shardFiles(index)[part], files[part]) ?? "";
}
