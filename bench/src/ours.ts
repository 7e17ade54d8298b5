/**
 * Our side of a comparison.
 */
import { dirname } from "node:path";
import { ChineseCLIP, type PretrainedOptions, Tensor } from "@chinese-clip/node";
import { normalized } from "./agreement.js";

/** Both towers of one contestant. All rows are L2-normalised. */
export interface Embedder {
  readonly name: string;
  embedTexts(texts: readonly string[]): Promise<Float32Array>;
  /** @param pixels - float32 `[count, 3, side, side]`. */
  embedImages(pixels: Float32Array, side: number): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/** Dtypes that a build may have; those that it rejects are left out of the tables. */
export const OUR_DTYPES: readonly string[] = ["fp32", "q8"];

/**
 * Packs the weights when they are loaded, not after a second of work: steady speed is measured, and no session takes over in between. How it
 * begins is in `cold-start`.
 */
export const PACKED: NonNullable<PretrainedOptions["sessionOptions"]> = { extra: { session: { disable_prepacking: "0" } } };

/** Loads a model in a dtype; undefined where this build does not have it. */
export async function loadOurs(folder: string, dtype: string, options: PretrainedOptions = {}): Promise<Embedder | undefined> {
  const sessionOptions = { ...PACKED, ...options.sessionOptions };
  const wanted = { ...options, sessionOptions, dtype, cacheDir: dirname(folder) } as PretrainedOptions;
  try {
    const clip = await ChineseCLIP.fromPretrained(folder, wanted);
    const dim = clip.model.config.projectionDim;
    return {
      name: `ours ${dtype}`,
      async embedTexts(texts) {
        return (await clip.embedText(texts)).data;
      },
      async embedImages(pixels, side) {
        const count = pixels.length / (3 * side * side);
        const features = await clip.model.getImageFeatures({
          pixelValues: new Tensor("float32", pixels, [count, 3, side, side]),
          interpolatePosEncoding: side !== 224,
        });
        return normalized(features.data as Float32Array, dim);
      },
      dispose: () => clip.dispose(),
    };
  } catch (error) {
    if (error instanceof RangeError && error.message.includes("dtype")) return undefined;
    throw error;
  }
}
