/**
 * Whether the caller's event loop stays free while a batch of 32 images is decoded, resized and embedded by a ViT-B/16.
 */
import { ChineseCLIP } from "@chinese-clip/node";
import sharp from "sharp";

const IMAGES = 32;
const TIMER_MS = 5;

/** Prints how late a 5 ms timer in the main thread fired: the median, the 99th percentile and the latest. */
export async function benchEventLoop(folder: string): Promise<void> {
  const images = await Promise.all(Array.from({ length: IMAGES }, (_, i) => makeImage(i)));
  await using clip = await ChineseCLIP.fromPretrained(folder);
  await clip.embedImage(images.slice(0, 1));

  const late: number[] = [];
  let expected = performance.now() + TIMER_MS;
  const timer = setInterval(() => {
    const now = performance.now();
    late.push(Math.max(0, now - expected));
    expected = now + TIMER_MS;
  }, TIMER_MS);
  const start = performance.now();
  const { count } = await clip.embedImage(images);
  const took = performance.now() - start;
  clearInterval(timer);

  late.sort((a, b) => a - b);
  const at = (share: number): string => (late[Math.min(late.length - 1, Math.floor(share * late.length))] ?? Number.NaN).toFixed(1);
  console.log(`\n### Event loop of the caller while ${count} images (1280x960 JPEG) are embedded, ViT-B/16 fp32\n`);
  console.log(`| timers that fired | of about | p50 late | p99 late | latest | images/s |\n|---:|---:|---:|---:|---:|---:|`);
  console.log(
    `| ${late.length} | ${Math.round(took / TIMER_MS)} | ${at(0.5)} ms | ${at(0.99)} ms | ${at(1)} ms | ${((1000 * count) / took).toFixed(2)} |`,
  );
  if (Number(at(0.99)) >= 30) throw new Error("event loop: p99 delay of 30 ms or more");
}

/** A JPEG of smooth colours and noise. */
function makeImage(seed: number): Promise<Uint8Array> {
  const [width, height] = [1280, 960];
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      data[i++] = (x * (seed + 1)) >> 3;
      data[i++] = (y * (seed + 3)) >> 3;
      data[i++] = ((x ^ y) + Math.imul(x * y + seed, 2654435761)) & 0xff;
    }
  }
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 85 })
    .toBuffer();
}
