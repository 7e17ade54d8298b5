/** Outputs that grow, are torn, and are resumed, with a model that is a function of its input. */
import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { embedItems, type EmbedSummary, IMAGES_PER_RUN } from "../../src/output/embed-items.js";
import type { DatasetEmbedder, ImageResult } from "../../src/output/embedder.js";
import { type FeatureOutput, openJsonlOutput, openNpyOutput, type RowNames } from "../../src/output/feature-output.js";
import type { Shard } from "../../src/output/shard.js";
import type { EmbedItem } from "../../src/sources/items.js";
import { scratchFolder } from "@chinese-clip/scratch-folder";

const { path, write } = scratchFolder();
const NAMES: RowNames = { id: "image_id", label: "image_path", labelled: true, kind: "img" };
const WHOLE: Shard = { index: 0, count: 1 };

const embeddingOf = (content: string): Float32Array => Float32Array.from([content.length, content.charCodeAt(0) / 7]);

/** Fails for contents that begin with `broken`, and stops as a kill would after `limit` images. */
function embedder(limit = Infinity): DatasetEmbedder & { readonly seen: string[] } {
  const seen: string[] = [];
  return {
    dim: 2,
    seen,
    embedText: async (texts) => ({ data: Float32Array.from(texts.flatMap((text) => [...embeddingOf(text)])), dim: 2 }),
    async *embedImages<Input>(
      inputs: AsyncIterable<Input>,
      { imageOf }: { readonly imageOf: (input: Input) => string | Uint8Array },
    ): AsyncGenerator<ImageResult<Input>, void, undefined> {
      let index = 0;
      for await (const input of inputs) {
        const content = String(imageOf(input));
        if (seen.push(content) > limit) throw new Error("killed");
        if (content.startsWith("broken") || content === "") yield { index: index++, input, error: new Error("no image") };
        else yield { index: index++, input, embedding: embeddingOf(content) };
      }
    },
  };
}

async function* items(count: number, prefix = "image"): AsyncGenerator<EmbedItem, void, undefined> {
  for (let id = 0; id < count; id++) {
    const content = id % 10 === 3 ? `broken ${id}` : `${prefix} ${id}`;
    yield { id, label: `${content}.png`, content };
  }
}

async function embed(output: FeatureOutput, inputs = items(45), model = embedder(), shard = WHOLE): Promise<EmbedSummary> {
  const failures = `${output.files[0]}.failed.jsonl`;
  try {
    return await embedItems({
      items: inputs,
      kind: "images",
      shard,
      output,
      failures,
      embedder: model,
      onFailure: () => {},
      onProgress: () => {},
    });
  } finally {
    await output.close();
  }
}

const LAYOUTS = [
  ["jsonl", (name: string, shard = WHOLE) => openJsonlOutput(path(`${name}.${shard.index}.jsonl`), NAMES, 2)],
  ["npy", (name: string, shard = WHOLE) => openNpyOutput(path(name), NAMES, 2, shard)],
] as const;

describe.each(LAYOUTS)("%s", (layout, open) => {
  const bytesOf = ({ files }: FeatureOutput): Buffer[] => files.map((file) => readFileSync(file));
  const whole = async (name: string): Promise<FeatureOutput> => {
    const output = await open(name);
    expect(await embed(output)).toEqual({ existing: 0, added: 40, failed: 5 });
    return output;
  };

  it("is resumed from any byte that it was torn at, to the same bytes", async () => {
    const expected = bytesOf(await whole(`${layout}-whole`));
    const lengths = expected.map(({ length }) => length);
    for (const share of [0, 0.1, 0.33, 0.5, 0.77, 0.999, 1]) {
      const torn = await whole(`${layout}-torn-${share}`);
      for (const [i, file] of torn.files.entries()) truncateSync(file, Math.floor(share * (lengths[i] ?? 0)));
      const resumed = await open(`${layout}-torn-${share}`);
      const summary = await embed(resumed);
      expect(summary.existing + summary.added).toBe(40);
      expect(bytesOf(resumed)).toEqual(expected);
    }
  });

  it("loses nothing and writes nothing twice after a kill within a group", async () => {
    const expected = bytesOf(await whole(`${layout}-alone`));
    for (const limit of [1, IMAGES_PER_RUN, IMAGES_PER_RUN + 1, 30]) {
      await expect(embed(await open(`${layout}-killed-${limit}`), items(45), embedder(limit))).rejects.toThrow("killed");
      const resumed = await open(`${layout}-killed-${limit}`);
      await embed(resumed);
      expect(bytesOf(resumed)).toEqual(expected);
    }
  });

  it("tries no image twice that cannot be read, and computes nothing when all is there", async () => {
    await whole(`${layout}-done`);
    const model = embedder();
    expect(await embed(await open(`${layout}-done`), items(45), model)).toEqual({ existing: 40, added: 0, failed: 5 });
    expect(model.seen).toEqual([]);
    expect(await embed(await open(`${layout}-done`), items(47), model)).toEqual({ existing: 40, added: 2, failed: 5 });
    expect(model.seen.filter((content) => content.startsWith("broken"))).toEqual([]);
  });

  it("is not resumed with other inputs or fewer", async () => {
    await whole(`${layout}-inputs`);
    await expect(embed(await open(`${layout}-inputs`), items(45, "photo"))).rejects.toMatchObject({ code: "inputs-changed" });
    await expect(embed(await open(`${layout}-inputs`), items(20))).rejects.toMatchObject({ code: "inputs-ended" });
    expect(await embed(await open(`${layout}-inputs`))).toMatchObject({ existing: 40, added: 0 });
  });

  it("is divided among shards, each input in one of them", async () => {
    const ids: unknown[] = [];
    for (let index = 0; index < 3; index++) {
      const output = await open(`${layout}-shards`, { index, count: 3 });
      await embed(output, items(45), embedder(), { index, count: 3 });
      const lines = readFileSync(output.files.at(-1) ?? "", "utf8")
        .trimEnd()
        .split("\n");
      ids.push(...lines.map((line) => (JSON.parse(line) as { image_id: number }).image_id));
    }
    expect(ids.toSorted((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 45 }, (_, id) => id).filter((id) => id % 10 !== 3));
  });

  it("has one writer; a second one changes nothing", async () => {
    const first = await open(`${layout}-writers`);
    await expect(open(`${layout}-writers`)).rejects.toMatchObject({ code: "output-locked" });
    expect(await embed(first)).toMatchObject({ added: 40 });
    expect(await embed(await open(`${layout}-writers`))).toMatchObject({ existing: 40, added: 0 });
  });

  it("of another dimension is rejected and stays as it is", async () => {
    const before = bytesOf(await whole(`${layout}-dim`));
    const other = layout === "npy" ? openNpyOutput(path("npy-dim"), NAMES, 3, WHOLE) : openJsonlOutput(path("jsonl-dim.0.jsonl"), NAMES, 3);
    await expect(other).rejects.toMatchObject({ code: "output-length", details: { got: 2, expected: 3 } });
    expect(bytesOf(await open(`${layout}-dim`).then(async (output) => (await output.close(), output)))).toEqual(before);
  });
});

describe("the list of images that cannot be read", () => {
  it("that is somebody else's file is rejected and not touched", async () => {
    write("mine.jsonl.failed.jsonl", "my notes\n");
    await expect(embed(await openJsonlOutput(path("mine.jsonl"), NAMES, 2))).rejects.toMatchObject({ code: "foreign-output" });
    expect(readFileSync(path("mine.jsonl.failed.jsonl"), "utf8")).toBe("my notes\n");
    expect(existsSync(path("mine.jsonl.lock"))).toBe(false);
  });

  it("is cut where its last line was torn, and that image is tried again", async () => {
    const file = path("list.jsonl");
    await embed(await openJsonlOutput(file, NAMES, 2), items(14));
    const failures = `${file}.failed.jsonl`;
    const before = readFileSync(failures, "utf8");
    expect(before.trimEnd().split("\n")).toHaveLength(2);
    appendFileSync(failures, '{"id":2');
    expect(await embed(await openJsonlOutput(file, NAMES, 2), items(24))).toMatchObject({ failed: 3 });
    expect(readFileSync(failures, "utf8")).toBe(`${before}${JSON.stringify({ id: 23, file: "broken 23.png", reason: "no image" })}\n`);
  });
});

describe("texts", () => {
  it("are embedded in groups, with captions in the metadata", async () => {
    const texts = async function* (): AsyncGenerator<EmbedItem, void, undefined> {
      for (let id = 0; id < 130; id++) yield { id, label: `文本 ${id}`, content: `文本 ${id}` };
    };
    const names: RowNames = { id: "text_id", label: "caption", labelled: false, kind: "text" };
    const run = async (): Promise<EmbedSummary> => {
      const output = await openNpyOutput(path("texts"), names, 2, WHOLE);
      const request = { items: texts(), kind: "texts", shard: WHOLE, output, failures: path("texts.failed.jsonl") } as const;
      try {
        return await embedItems({ ...request, embedder: embedder(), onFailure: () => {}, onProgress: () => {} });
      } finally {
        await output.close();
      }
    };
    expect(await run()).toEqual({ existing: 0, added: 130, failed: 0 });
    const metadata = path("texts/metadata/text_metadata_0.jsonl");
    expect(readFileSync(metadata, "utf8").split("\n")[129]).toBe('{"text_id":129,"caption":"文本 129"}');
    const vectors = readFileSync(path("texts/text_emb/text_emb_0.npy"));
    truncateSync(path("texts/text_emb/text_emb_0.npy"), vectors.length - 3);
    expect(await run()).toEqual({ existing: 129, added: 1, failed: 0 });
    expect(readFileSync(path("texts/text_emb/text_emb_0.npy"))).toEqual(vectors);
  });
});

describe("I15 a fault of the run", () => {
  it.each([
    ["a process without file handles", Object.assign(new Error("too many open files"), { name: "ImageError", code: "out-of-resources" })],
    ["a thread that crashed", Object.assign(new Error("crashed"), { name: "WorkerError" })],
  ])("I15 %s ends it, and no image is remembered as unreadable", async (name, fault) => {
    const output = await openJsonlOutput(path(`${name}.jsonl`), NAMES, 2);
    const model = embedder();
    const failing: DatasetEmbedder = {
      ...model,
      async *embedImages<Input>(inputs: AsyncIterable<Input>, how: { readonly imageOf: (input: Input) => string | Uint8Array }) {
        for await (const result of model.embedImages(inputs, how)) yield result.index < 20 ? result : { ...result, error: fault };
      },
    };
    const running = embed(output, items(45), { ...failing, seen: model.seen });
    await expect(running).rejects.toBe(fault);
    const failed = `${path(`${name}.jsonl`)}.failed.jsonl`;
    expect(readFileSync(failed, "utf8").trimEnd().split("\n")).toHaveLength(2); // the broken ones among the first 16
    const resumed = await openJsonlOutput(path(`${name}.jsonl`), NAMES, 2);
    expect(await embed(resumed)).toMatchObject({ existing: 14, failed: 5 });
  });
});

describe("a signal", () => {
  it("ends the run with its reason; what is written stays, and the next run goes on to the same bytes", async () => {
    const expected = await openJsonlOutput(path("signal-whole.jsonl"), NAMES, 2);
    await embed(expected);
    const controller = new AbortController();
    const output = await openJsonlOutput(path("signal.jsonl"), NAMES, 2);
    const run = embedItems({
      items: items(45),
      kind: "images",
      shard: WHOLE,
      output,
      failures: `${output.files[0]}.failed.jsonl`,
      embedder: embedder(),
      signal: controller.signal,
      onFailure: () => {},
      onProgress: (done) => {
        if (done === 2 * IMAGES_PER_RUN) controller.abort(new Error("enough"));
      },
    });
    await expect(run).rejects.toThrow("enough");
    await output.close();
    const resumed = await openJsonlOutput(path("signal.jsonl"), NAMES, 2);
    expect(resumed.rows).toBeGreaterThan(0);
    expect(resumed.rows).toBeLessThan(40);
    expect(await embed(resumed)).toMatchObject({ existing: resumed.rows, added: 40 - resumed.rows });
    expect(readFileSync(path("signal.jsonl"))).toEqual(readFileSync(path("signal-whole.jsonl")));
  });

  it("that has aborted before begins nothing, and reaches the embedder", async () => {
    const output = await openJsonlOutput(path("aborted.jsonl"), NAMES, 2);
    const signals: unknown[] = [];
    const model = embedder();
    const request = (signal: AbortSignal): Parameters<typeof embedItems>[0] => ({
      items: items(3),
      kind: "texts",
      shard: WHOLE,
      output,
      failures: path("aborted.failed.jsonl"),
      embedder: { ...model, embedText: (texts, options) => (signals.push(options?.signal), model.embedText(texts)) },
      signal,
      onFailure: () => {},
      onProgress: () => {},
    });
    await expect(embedItems(request(AbortSignal.abort(new Error("before"))))).rejects.toThrow("before");
    expect(signals).toEqual([]);
    const { signal } = new AbortController();
    await embedItems(request(signal));
    await output.close();
    expect(signals).toEqual([signal]);
  });
});
