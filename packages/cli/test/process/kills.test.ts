/** Commands that write a model or features, killed: see `kill-writer.ts`. Those that write indexes and runs are in `kills.slow.test.ts`. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";
import { HubServer } from "../../../node/test/hub/hub-server.js";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { itSurvivesKills, type Writer } from "./kill-writer.js";
import { DEMO } from "./run-cli.js";

const PICTURES = fileURLToPath(new URL("../../../../examples/pictures/", import.meta.url));
/** Bytes of the word embedding that makes the model large enough for a kill to meet a file half-written. */
const EMBEDDING_ROWS = 60_000;
const { path } = scratchFolder();

/** The demo checkpoint with many more tokens. */
function writeLargeModel(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const file = readFileSync(join(DEMO, "model.safetensors"));
  const headerEnd = 8 + Number(file.readBigUInt64LE());
  interface Entry {
    readonly dtype: string;
    readonly shape: number[];
    readonly data_offsets: [number, number];
  }
  const header = JSON.parse(file.toString("utf8", 8, headerEnd)) as Record<string, Entry>;
  const NAME = Object.keys(header).find((name) => name.endsWith("word_embeddings.weight"))!;
  const [rows = 0, width = 0] = header[NAME]!.shape;
  const config = JSON.parse(readFileSync(join(DEMO, "config.json"), "utf8")) as { text_config: Record<string, unknown> };
  config.text_config["vocab_size"] = EMBEDDING_ROWS;
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  for (const name of ["preprocessor_config.json", "tokenizer_config.json", "vocab.txt"])
    writeFileSync(join(folder, name), readFileSync(join(DEMO, name)));
  const pieces: Buffer[] = [];
  const entries: Record<string, Entry> = {};
  let at = 0;
  for (const [
    name,
    {
      dtype,
      shape,
      data_offsets: [start, end],
    },
  ] of Object.entries(header).filter(([key]) => key !== "__metadata__")) {
    const own = file.subarray(headerEnd + start, headerEnd + end);
    const bytes = name === NAME ? Buffer.alloc((own.length / rows) * EMBEDDING_ROWS, own) : own;
    entries[name] = { dtype, shape: name === NAME ? [EMBEDDING_ROWS, width] : shape, data_offsets: [at, at + bytes.length] };
    pieces.push(bytes);
    at += bytes.length;
  }
  const json = Buffer.from(JSON.stringify(entries));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(join(folder, "model.safetensors"), Buffer.concat([prefix, json, ...pieces]));
}

let server: HubServer;
const MODEL = "test/large";

beforeAll(async () => {
  writeLargeModel(path("model"));
  server = await HubServer.start();
  const files = readdirSync(path("model")).map((name) => [name, readFileSync(join(path("model"), name))] as const);
  server.repos.set(MODEL, { commit: "b".repeat(40), files: new Map(files) });
});
afterAll(() => server.close());

const writers: Readonly<Record<string, Writer>> = {
  convert: { args: (folder) => ["convert", "--model", path("model"), "--output", join(folder, "out")] },
  export: { args: (folder) => ["export", "--model", path("model"), "--output", join(folder, "out"), "--external-data", "always"] },
  "export-web": { args: (folder) => ["export-web", "--model", path("model"), "--output", join(folder, "out"), "--dtypes", "q8,fp16"] },
  embed: {
    args: (folder) => ["embed", "--model", DEMO, "--images", PICTURES, "--output", join(folder, "features.jsonl")],
    grows: (name) => name === "features.jsonl",
  },
  download: {
    args: (folder) => ["download", MODEL, "--endpoint", server.endpoint, "--cache-dir", folder],
    resumes: (name) => /\.incomplete|\.locks?\b|\.lock$/u.test(name),
  },
  "q8 conversion": {
    args: (folder) => [
      "classify",
      join(PICTURES, "01.png"),
      "--model",
      path("model"),
      "--dtype",
      "q8",
      "--labels",
      "猫,狗",
      "--cache-dir",
      folder,
    ],
  },
};

for (const [name, writer] of Object.entries(writers)) itSurvivesKills(name, writer, path);
