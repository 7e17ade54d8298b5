/**
 * Commands that write, ended at random moments by SIGKILL, SIGTERM and SIGINT: what they write is whole or absent, and the next run leaves nothing
 * stale. `KILLS=50 KILLS_SEED=1` runs more of them than the default.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HubServer } from "../../../node/test/hub/hub-server.js";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { DEMO, MAIN } from "./run-cli.js";

const KILLS = Number(process.env["KILLS"] ?? 2);
const SEED = Number(process.env["KILLS_SEED"] ?? Date.now() % 1_000_000);
const PICTURES = fileURLToPath(new URL("../../../../examples/pictures/", import.meta.url));
const SIGNALS = ["SIGKILL", "SIGTERM", "SIGINT"] as const;
/** Bytes of the word embedding that makes the model large enough for a kill to meet a file half-written. */
const EMBEDDING_ROWS = 60_000;
const { path } = scratchFolder();

let state = SEED;
function random(): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

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

/** Files below a folder, with hidden ones, and their hashes. */
function tree(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  if (!existsSync(folder)) return found;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const file = join(entry.parentPath, entry.name);
    found[file.slice(folder.length + 1)] = createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 16);
  }
  return found;
}

interface Run {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  readonly milliseconds: number;
}

async function run(args: readonly string[], kill?: { readonly signal: NodeJS.Signals; readonly after: number }): Promise<Run> {
  const started = performance.now();
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, LC_ALL: "C.UTF-8", HF_HUB_OFFLINE: "", TMPDIR: path("tmp") },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const timer = kill === undefined ? undefined : setTimeout(() => child.kill(kill.signal), kill.after);
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  return { code, signal, stderr, milliseconds: performance.now() - started };
}

/** A command that writes below a folder. */
interface Writer {
  readonly args: (folder: string) => readonly string[];
  /** Whether a file that is not whole may be seen under its name: rows of an embedding are appended. */
  readonly grows?: (name: string) => boolean;
  /** Files that one run writes and another does not: temporary ones that a resumed run goes on with, and locks. */
  readonly resumes?: (name: string) => boolean;
}

let server: HubServer;
const MODEL = "test/large";

beforeAll(async () => {
  writeLargeModel(path("model"));
  mkdirSync(path("tmp"));
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

describe.each(Object.entries(writers))("%s", (name, { args, grows = () => false, resumes = () => false }) => {
  it(
    `is whole or absent after ${KILLS} kills (seed ${SEED})`,
    async () => {
      const reference = path(`${name} reference`);
      mkdirSync(reference);
      const whole = await run(args(reference));
      expect(whole).toMatchObject({ code: 0 });
      const expected = tree(reference);
      expect(Object.keys(expected).length).toBeGreaterThan(0);

      const folder = path(name);
      mkdirSync(folder);
      let ended = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        const signal = SIGNALS[Math.floor(3 * random())]!;
        const after = whole.milliseconds * (0.15 + 0.9 * random());
        const before = tree(folder);
        const killed = await run(args(folder), { signal, after });
        const how = `kill ${kill} by ${signal} after ${after.toFixed(0)} ms, seed ${SEED}: ${killed.stderr}`;
        if (killed.code !== 0) {
          ended++;
          // Where Node itself has not begun yet, the signal ends it.
          if (killed.code === null) expect(killed.signal, how).toBe(signal);
          else expect(killed.code, how).toBe(signal === "SIGINT" ? 130 : 143);
        }
        const found = tree(folder);
        for (const [file, hash] of Object.entries(found)) {
          if (!(file in expected)) {
            // Only who had no time to clean up leaves something of his own.
            if (killed.signal !== "SIGKILL" && !resumes(file) && !(file in before)) expect(`${file} is left`, how).toBe("");
          } else if (!grows(file)) expect([file, hash], how).toEqual([file, expected[file]]);
          else
            expect(readFileSync(join(reference, file)).subarray(0, readFileSync(join(folder, file)).length), how).toEqual(
              readFileSync(join(folder, file)),
            );
        }
        if (random() < 0.7 && kill < KILLS - 1) continue;
        expect(await run(args(folder)), how).toMatchObject({ code: 0 });
        expect(tree(folder), how).toEqual(expected);
        rmSync(folder, { recursive: true });
        mkdirSync(folder);
      }
      if (KILLS > 10) expect(ended).toBeGreaterThan(KILLS / 6);
      expect(readdirSync(path("tmp"))).toEqual([]);
    },
    60_000 + 20_000 * KILLS,
  );
});
