/**
 * Our tokenizer against `@huggingface/tokenizers` (transformers.js' own), on the golden texts, under Chinese-CLIP's vocabulary where it is at hand
 * (`CHINESE_CLIP_VOCAB`, or the place that the tests know), else under the demo checkpoint's. Texts on which the two disagree are left
 * out and counted: there the goldens of the tests decide. Both sides then do the same work, text to ids.
 */
import { existsSync, readFileSync } from "node:fs";
import { BertTokenizer } from "@chinese-clip/tokenizer";
import { Tokenizer } from "@huggingface/tokenizers";
import { compare, median, printTimings } from "./compare.js";
import { tokenizerJson } from "./peer-tokenizer.js";

const root = new URL("../../", import.meta.url);

function readVocab(): { name: string; vocab: string; cases: string } {
  const real = process.env["CHINESE_CLIP_VOCAB"] ?? new URL("../shared/golden/tokenizer/vocab.txt", root);
  if (existsSync(real)) return { name: "Chinese-CLIP's vocabulary", vocab: readFileSync(real, "utf8"), cases: "cases.jsonl" };
  const demo = readFileSync(new URL("examples/demo-checkpoint/vocab.txt", root), "utf8");
  return { name: "the demo checkpoint's vocabulary", vocab: demo, cases: "cases-demo-vocab.jsonl" };
}

/** Checks ids, then times encoding one by one, batches and the reading of the vocabulary, and prints the tables. */
export async function benchTokenizer(): Promise<void> {
  const { name, vocab, cases } = readVocab();
  const ours = BertTokenizer.fromVocab(vocab, { flavor: "transformers" });
  const cnClip = BertTokenizer.fromVocab(vocab);
  const peer = new Tokenizer(tokenizerJson(vocab), {});
  const golden = readFileSync(new URL(`fixtures/tokenizer/${cases}`, root), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { text: string; hf: number[] });
  for (const { text, hf } of golden) {
    if (ours.encode(text).ids.join() !== hf.join())
      throw new Error(`benchTokenizer: our ids differ from the golden ones: ${JSON.stringify(text)}`);
  }
  const texts = golden.filter(({ text, hf }) => peer.encode(text).ids.join() === hf.join()).map(({ text }) => text);
  const characters = texts.reduce((sum, text) => sum + Array.from(text).length, 0);
  const short = texts.filter((text) => text !== "" && text.length <= 40);

  const timings = await compare([
    { name: "ours, ids and offsets", run: () => texts.map((text) => ours.encode(text)) },
    { name: "@huggingface/tokenizers, ids", run: () => texts.map((text) => peer.encode(text)) },
    { name: "ours, flavour cn_clip (cut at 52)", run: () => texts.map((text) => cnClip.encode(text)) },
    {
      name: "ours, encodeBatch of 64",
      run: () => texts.map((_, i) => (i % 64 === 0 ? ours.encodeBatch(texts.slice(i, i + 64)) : undefined)),
    },
  ]);
  printTimings(
    `Tokenizer: ${texts.length} texts, ${characters} characters, ${name} (the peer misses ${golden.length - texts.length} goldens)`,
    timings,
  );
  for (const { name: who, medianMs } of timings) console.log(`${who}: ${(characters / medianMs / 1000).toFixed(2)} M characters/s`);

  printTimings(
    `Tokenizer: ${short.length} texts of at most 40 units`,
    await compare([
      { name: "ours", run: () => short.map((text) => ours.encode(text)) },
      { name: "@huggingface/tokenizers", run: () => short.map((text) => peer.encode(text)) },
    ]),
  );

  const builds: number[] = [];
  for (let i = 0; i < 15; i++) {
    const start = performance.now();
    BertTokenizer.fromVocab(vocab);
    builds.push(performance.now() - start);
  }
  console.log(`\nfromVocab, ${ours.vocabSize} tokens: median ${median(builds).toFixed(2)} ms`);
}
