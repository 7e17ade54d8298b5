/**
 * Resizing decoded pixels to the model's 224 x 224: ours, bit for bit as Pillow and as PyTorch, with and without its WebAssembly kernel, against sharp's
 * cubic kernel (libvips), which is the same antialiased filter but reproduces neither. First shows that ours are equal and that sharp makes the
 * same image; then times them in turn.
 */
import { availableParallelism } from "node:os";
import { type RawImage, resize } from "@chinese-clip/image-processor";
import sharp from "sharp";
import { compare, printTimings } from "./compare.js";

const SIDE = 224;

/** An image with smooth parts, edges and a little noise, the same on every run. */
function makeImage(width: number, height: number): RawImage & { readonly data: Uint8Array } {
  const data = new Uint8Array(width * height * 3);
  let seed = 1;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const edge = (Math.floor((x * 16) / width) + Math.floor((y * 12) / height)) % 2 === 0 ? 60 : 0;
      for (let c = 0; c < 3; c++) {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        data[i++] = (x * 90) / width + (y * (30 + c * 30)) / height + edge + (seed >>> 28);
      }
    }
  }
  return { data, width, height, channels: 3 };
}

/** The package as it is where there is no WebAssembly: a copy of its own, that looks for it while it is away. */
async function scalarResize(): Promise<typeof resize> {
  const copy = (await import(`${import.meta.resolve("@chinese-clip/image-processor")}?scalar`)) as { resize: typeof resize };
  const engine = Object.getOwnPropertyDescriptor(globalThis, "WebAssembly");
  if (engine === undefined) throw new Error("scalarResize: expected an engine with WebAssembly");
  Reflect.deleteProperty(globalThis, "WebAssembly");
  try {
    copy.resize(makeImage(2, 2), { width: 1, height: 1 });
  } finally {
    Object.defineProperty(globalThis, "WebAssembly", engine);
  }
  return copy.resize;
}

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? Number.NaN)), 0) / a.length;
}

/** Prints how far apart the images are and a table for each size; sharp with one thread and with one per core. */
export async function benchResize(): Promise<void> {
  const initial = sharp.concurrency();
  const threads = availableParallelism();
  const scalar = await scalarResize();
  for (const [width, height] of [
    [4032, 3024],
    [640, 480],
  ] as const) {
    const image = makeImage(width, height);
    const ours = (library: "pillow" | "torch"): Uint8Array => resize(image, { width: SIDE, height: SIDE, library }).data;
    const withoutKernel = (library: "pillow" | "torch"): Uint8Array => scalar(image, { width: SIDE, height: SIDE, library }).data;
    const theirs = (concurrency: number): Promise<Uint8Array> => {
      sharp.concurrency(concurrency);
      return sharp(image.data, { raw: { width, height, channels: 3 } })
        .resize(SIDE, SIDE, { kernel: "cubic", fit: "fill" })
        .raw()
        .toBuffer();
    };
    const reference = await theirs(1);
    console.log();
    for (const library of ["pillow", "torch"] as const) {
      const pixels = ours(library);
      if (Buffer.compare(pixels, withoutKernel(library)) !== 0) throw new Error("benchResize: expected the kernel to change no byte");
      const difference = meanDifference(pixels, reference);
      console.log(`resize ${width}x${height} as ${library}: mean absolute difference from sharp ${difference.toFixed(3)} of 255`);
      if (!(difference < 2)) throw new Error("benchResize: expected the images to be alike");
    }
    const timings = await compare([
      { name: "ours, as Pillow", run: () => ours("pillow") },
      { name: "ours, as PyTorch", run: () => ours("torch") },
      { name: "the same without WebAssembly, as Pillow", run: () => withoutKernel("pillow") },
      { name: "the same without WebAssembly, as PyTorch", run: () => withoutKernel("torch") },
      { name: "sharp cubic, 1 thread", run: () => theirs(1) },
      { name: `sharp cubic, ${threads} threads`, run: () => theirs(threads) },
    ]);
    printTimings(`Resize ${width}x${height} RGB to ${SIDE}x${SIDE}`, timings);
  }
  sharp.concurrency(initial);
}
