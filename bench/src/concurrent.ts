/**
 * Many calls of one text each, all at once as a server makes them, against one call with all the texts.
 */
import { ChineseCLIP } from "@chinese-clip/node";
import { agreement } from "./agreement.js";
import { compare, printTimings } from "./compare.js";
import { captions } from "./inputs.js";

const CALLS = 256;
/** Texts change each other's rounding where they share a batch; q8 rounds activations, too. */
const LEAST_COSINE: Readonly<Record<string, number>> = { fp32: 0.99999, q8: 0.999 };
/** Goal: the concurrent calls take at most this many times as long. */
const GOAL = 1.25;

/** Checks that both ways give the same embeddings, then times them in fp32 and q8. */
export async function benchConcurrent(folder: string): Promise<void> {
  const texts = captions(CALLS, [4, 16]);
  for (const dtype of ["fp32", "q8"] as const) {
    await using clip = await ChineseCLIP.fromPretrained(folder, { dtype });
    const { dim } = await clip.embedText(texts.slice(0, 1));
    const [together, apart] = await compare<Float32Array>(
      [
        { name: `one call of ${CALLS} texts`, run: async () => (await clip.embedText(texts)).data },
        {
          name: `${CALLS} concurrent calls of one text`,
          run: async () => {
            const rows = new Float32Array(CALLS * dim);
            await Promise.all(texts.map(async (text, i) => rows.set((await clip.embedText(text)).data, i * dim)));
            return rows;
          },
        },
      ],
      { rounds: 9, warmup: 2, budgetMs: 60_000, restMs: 100 },
    );
    if (together === undefined || apart === undefined) throw new Error("benchConcurrent: expected two timings");
    const { cosine } = agreement(together.result, apart.result, dim);
    if (!(cosine >= (LEAST_COSINE[dtype] ?? 1))) throw new Error(`benchConcurrent: ${dtype}: the smallest cosine is ${cosine}`);
    printTimings(`Concurrent texts, ViT-B/16 ${dtype}`, [together, apart]);
    const ratio = apart.medianMs / together.medianMs;
    console.log(
      `\n${CALLS} concurrent calls take ${ratio.toFixed(2)}x one call (goal: at most ${GOAL}x); smallest cosine ${cosine.toFixed(6)}`,
    );
  }
}
