import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DEMO } from "./run-cli.js";

/** Rows of the word embedding that makes the model large enough for a kill to meet a file half-written. */
const EMBEDDING_ROWS = 60_000;

/** The demo checkpoint with many more tokens. */
export function writeLargeModel(folder: string): void {
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
