/**
 * A folder of JPEGs of 0.3 to 12 megapixels to embeddings, as `embedImages` streams them: beside each of its two stages alone, decoding with
 * resizing, and the image tower. The memory and the caller's event loop are watched all along.
 */
import { ChineseCLIP, Tensor } from "@chinese-clip/node";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { PACKED } from "./ours.js";
import { agreement } from "./agreement.js";
import { median } from "./compare.js";
import { pixelValues, uniform } from "./inputs.js";
import { makeRandomCheckpoint, NARROW } from "./random-checkpoint.js";

const IMAGES = 48;
const SIDE = 224;
const BATCH = 8;
const ROUNDS = 3;
const TIMER_MS = 5;
const MAX_LATE_MS = 30;

/** Prints images per second of each stage alone and of both together. Fails where a stream's result is not that of the image alone. */
export async function benchThroughput(folder: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "chinese-clip-throughput-"));
  try {
    const { paths, megapixels } = await writeImages(scratch);
    await using clip = await ChineseCLIP.fromPretrained(folder, { sessionOptions: PACKED });
    await using decoder = await ChineseCLIP.fromPretrained(await makeRandomCheckpoint(join(scratch, "narrow"), NARROW));
    const pixels = new Tensor("float32", pixelValues(BATCH, SIDE), [BATCH, 3, SIDE, SIDE]);
    let embeddings: Float32Array[] = [];
    const stages: readonly (readonly [string, () => Promise<void>])[] = [
      ["decoding and resizing alone", async () => void (await embedAll(decoder, paths))],
      [
        "image tower alone",
        async () => {
          for (let i = 0; i < IMAGES; i += BATCH) await clip.model.getImageFeatures({ pixelValues: pixels });
        },
      ],
      [
        "embedImages",
        async () => {
          embeddings = await embedAll(clip, paths);
        },
      ],
    ];
    for (const model of [clip, decoder]) await model.embedImage(paths.slice(0, BATCH)); // loads the tower and starts the threads
    const times = stages.map((): number[] => []);
    const late: number[] = [];
    let peak = 0;
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, [what, run]] of stages.entries()) {
        const watched = watch();
        const start = performance.now();
        await run();
        times[i]?.push((performance.now() - start) / 1000);
        const { lateMs, rss } = watched.end();
        if (what !== "embedImages") continue;
        late.push(...lateMs);
        peak = Math.max(peak, rss);
      }
    }
    const alone = (await clip.embedImage(paths.slice(-1))).data;
    const { difference } = agreement(embeddings.at(-1) ?? new Float32Array(0), alone, alone.length);
    if (!(difference <= 1e-5)) throw new Error(`benchThroughput: an image in the stream and alone differ by ${difference}`);

    const rates = times.map((seconds) => IMAGES / median(seconds));
    const [decoding = Number.NaN, tower = Number.NaN, both = Number.NaN] = rates;
    console.log(`\n### ${IMAGES} JPEGs, ${megapixels.toFixed(0)} megapixels in all, to embeddings, ViT-B/16 fp32, batches of ${BATCH}\n`);
    console.log("| what | images/s (median of 3) | of the slower stage |\n|---|---:|---:|");
    for (const [i, [what]] of stages.entries()) {
      const rate = rates[i] ?? Number.NaN;
      console.log(
        `| ${what} | ${rate.toFixed(2)} | ${what === "embedImages" ? `${(both / Math.min(decoding, tower)).toFixed(2)}x` : ""} |`,
      );
    }
    late.sort((a, b) => a - b);
    const p99 = late[Math.floor(0.99 * late.length)] ?? Number.NaN;
    const serial = 1 / (1 / decoding + 1 / tower);
    console.log(
      `\nOne stage after the other would be ${serial.toFixed(2)} images/s. Event loop meanwhile: p99 ${p99.toFixed(1)} ms late; peak RSS ${Math.round(peak / 2 ** 20)} MB.`,
    );
    if (!(p99 < MAX_LATE_MS)) throw new Error(`benchThroughput: expected a p99 below ${MAX_LATE_MS} ms, got ${p99.toFixed(1)}`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Every image as `embedImages` streams it. */
async function embedAll(clip: ChineseCLIP, paths: readonly string[]): Promise<Float32Array[]> {
  const embeddings: Float32Array[] = [];
  for await (const result of clip.embedImages(paths, { batchSize: BATCH })) {
    if ("error" in result) throw result.error;
    embeddings.push(result.embedding);
  }
  return embeddings;
}

/** Seeded images of smooth colours and noise, the logarithms of their sizes spread evenly from 0.3 to 12 megapixels. */
async function writeImages(folder: string): Promise<{ paths: string[]; megapixels: number }> {
  const paths: string[] = [];
  let megapixels = 0;
  const random = uniform(5);
  for (let i = 0; i < IMAGES; i++) {
    const pixels = 0.3e6 * 40 ** random.next().value;
    const [width, height] = [Math.round(Math.sqrt((pixels * 4) / 3)), Math.round(Math.sqrt((pixels * 3) / 4))];
    const data = new Uint8Array(width * height * 3);
    for (let y = 0, at = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const noise = (Math.imul(x * 7919 + y * 104_729 + i, 2_654_435_761) >>> 27) & 31;
        data[at++] = ((x * 255) / width) * 0.8 + noise;
        data[at++] = ((y * 255) / height) * 0.8 + noise;
        data[at++] = ((x * (i + 3)) >> 5) & 127;
      }
    }
    const path = join(folder, `${i}.jpg`);
    await writeFile(
      path,
      await sharp(data, { raw: { width, height, channels: 3 } })
        .jpeg({ quality: 85 })
        .toBuffer(),
    );
    paths.push(path);
    megapixels += (width * height) / 1e6;
  }
  return { paths, megapixels };
}

/** Until its `end`, how late a 5 ms timer fires, and the most memory that the process holds. */
function watch(): { end: () => { lateMs: number[]; rss: number } } {
  const lateMs: number[] = [];
  let rss = 0;
  let expected = performance.now() + TIMER_MS;
  const timer = setInterval(() => {
    const now = performance.now();
    lateMs.push(Math.max(0, now - expected));
    expected = now + TIMER_MS;
    rss = Math.max(rss, process.memoryUsage.rss());
  }, TIMER_MS);
  return {
    end: () => {
      clearInterval(timer);
      return { lateMs, rss };
    },
  };
}
