/**
 * Duplicates in a vector store, in three tiers that are never mixed: the same bytes, the same image at another size or compression, and images that
 * the model finds similar. Items come in the order of their worth, and each is compared with those worth more: it joins one of them, or may be
 * joined by later ones. So every duplicate was compared with the image that is suggested instead of it, and no chain of small differences joins
 * images that differ. One of several files with the same bytes, the one worth most, takes part in the tiers below.
 */
import { dot } from "@chinese-clip/pipeline/vectors";
import type { Filter } from "../store/filter.js";
import type { StoreItem, VectorStore } from "../store/vector-store.js";
import type { FoundRow } from "../top-k/top-rows.js";
import { compareWorth, type DuplicateCandidate, type DuplicateMeta, type KeepReason, keepReason, sameShape } from "./duplicate-image.js";
import { HammingIndex, parseHash64 } from "./hamming-index.js";
import { NearestRow, sampleSize } from "./nearest-row.js";

/** The tier of a group: the same bytes; the same image by hash, shape and cosine; similar by cosine alone. */
export type DuplicateTier = "bytes" | "image" | "similar";

/** An image that another one may stand for. */
export interface Duplicate<Meta> extends DuplicateCandidate<Meta> {
  /** Its cosine with the image to keep. */
  readonly cosine: number;
  /** Bits by which the perceptual hashes differ; in the tier `image` only. */
  readonly hashDistance?: number;
}

/** An image with those that it may stand for. */
export interface DuplicateGroup<Meta> {
  /** How they are the same. */
  readonly tier: DuplicateTier;
  /** The one to keep: the most pixels, then the most bytes, then the oldest file. */
  readonly keep: DuplicateCandidate<Meta>;
  /** By what it is better than the first of the others. */
  readonly reason: KeepReason;
  /** The others, best first. */
  readonly others: readonly Duplicate<Meta>[];
}

/** Options of {@link findDuplicates}. */
export interface DuplicateOptions<Meta> {
  /** Only these items. */
  readonly filter?: Filter | undefined;
  /** Bits by which the perceptual hashes of the same image may differ, 0 to 15. Default 10 where `sameImage` checks what they find, else 3. */
  readonly hashDistance?: number | undefined;
  /** The minimum cosine of the same image. Default 0.9. */
  readonly imageCosine?: number | undefined;
  /**
   * The minimum cosine of similar images; without it that tier is left out. Each image is compared with each, most of them by a few values, so the
   * time grows with the square of their number.
   */
  readonly similarCosine?: number | undefined;
  /**
   * A last check of two that seem to be the same image, such as `sameByPixels`. Without it, drawings of the same things at almost the same place may
   * be taken for one image.
   */
  readonly sameImage?: ((kept: Meta, other: Meta) => boolean | Promise<boolean>) | undefined;
  /** Ends the search with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told of progress, from time to time. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What was found. */
export interface DuplicateReport<Meta> {
  /** Items that were compared. */
  readonly count: number;
  /** Groups of each tier, in the order of the worth of what they keep. */
  readonly groups: Readonly<Record<DuplicateTier, readonly DuplicateGroup<Meta>[]>>;
}

/** Bits by which hashes of the same image may differ: those that a check follows, and those that none does. */
const [CHECKED_DISTANCE, UNCHECKED_DISTANCE] = [10, 3];
/** The minimum cosine of the same image: a JPEG of quality 20 has 0.92 with its original. */
const IMAGE_COSINE = 0.9;

/** Items that are read together. */
const BATCH = 256;
/** Milliseconds until signals and progress have their turn. */
const TURN = 50;

/**
 * Finds duplicates. Metadata of all items are in memory meanwhile, and with `similarCosine` a copy of their embeddings.
 *
 * @throws RangeError - a bound out of its range; SearchError - `invalid-filter`; the signal's reason; what the store and `sameImage` throw.
 */
export async function findDuplicates<Meta extends DuplicateMeta>(
  store: Pick<VectorStore<Meta>, "info" | "list" | "get">,
  options: DuplicateOptions<Meta> = {},
): Promise<DuplicateReport<Meta>> {
  const { signal, onProgress } = options;
  const candidates: DuplicateCandidate<Meta>[] = [];
  for await (const { id, meta } of store.list(options.filter)) {
    signal?.throwIfAborted();
    candidates.push({ id, meta });
  }
  candidates.sort(compareWorth);
  const sample = options.similarCosine === undefined ? [] : await sampleOf(store, candidates);
  const finder = new DuplicateFinder<Meta>(store.info.dim, sample, options);
  let turn = Date.now();
  for (let start = 0; start < candidates.length; start += BATCH) {
    const batch = candidates.slice(start, start + BATCH);
    for (const [i, item] of (await store.get(batch.map(({ id }) => id))).entries()) {
      if (Date.now() - turn > TURN) {
        onProgress?.(start + i, candidates.length);
        await new Promise((resolve) => setTimeout(resolve, 0));
        turn = Date.now();
      }
      signal?.throwIfAborted();
      if (item !== undefined) await finder.offer(item); // else it was removed meanwhile
    }
  }
  onProgress?.(candidates.length, candidates.length);
  return { count: finder.count, groups: finder.groups() };
}

/** Embeddings of items at equal distances in the order. */
async function sampleOf(
  store: Pick<VectorStore<unknown>, "info" | "get">,
  candidates: readonly DuplicateCandidate<unknown>[],
): Promise<Float32Array[]> {
  const size = sampleSize(candidates.length, store.info.dim);
  const ids = Array.from({ length: size }, (_, i) => candidates[Math.floor((i * candidates.length) / size)]?.id ?? "");
  return (await store.get(ids)).flatMap((item) => item?.embedding ?? []);
}

/** A group that grows; most stay without others. */
interface OpenGroup<Meta> {
  readonly keep: DuplicateCandidate<Meta>;
  readonly others: Duplicate<Meta>[];
}

/** An image that is not the same as another. */
interface Distinct<Meta> {
  readonly image: OpenGroup<Meta>;
  /** Images that are similar to it; undefined where it is itself similar to another. */
  readonly similar: OpenGroup<Meta> | undefined;
}

/** Takes items in the order of their worth. */
class DuplicateFinder<Meta extends DuplicateMeta> {
  count = 0;
  readonly #options: DuplicateOptions<Meta>;
  readonly #imageCosine: number;
  readonly #byBytes: Map<string, OpenGroup<Meta>> = new Map();
  readonly #distinct: Distinct<Meta>[] = [];
  /** Embeddings of the distinct images. */
  readonly #rows: NearestRow;
  /** Hashes of the distinct images, by their row. */
  readonly #byHash: HammingIndex;

  /** @param sample - some of the embeddings, where they are compared. */
  constructor(dim: number, sample: readonly Float32Array[], options: DuplicateOptions<Meta>) {
    this.#options = options;
    this.#imageCosine = cosineOf("imageCosine", options.imageCosine ?? IMAGE_COSINE);
    if (options.similarCosine !== undefined) cosineOf("similarCosine", options.similarCosine);
    this.#byHash = new HammingIndex(options.hashDistance ?? (options.sameImage === undefined ? UNCHECKED_DISTANCE : CHECKED_DISTANCE));
    this.#rows = new NearestRow(dim, sample);
  }

  async offer(item: StoreItem<Meta>): Promise<void> {
    this.count++;
    const { sha256, perceptualHash } = item.meta;
    const keep = { id: item.id, meta: item.meta };
    if (sha256 !== undefined) {
      const copies = this.#byBytes.get(sha256);
      if (copies !== undefined) return void copies.others.push({ ...keep, cosine: 1 });
      this.#byBytes.set(sha256, { keep, others: [] });
    }
    const hash = parseHash64(perceptualHash);
    for (const { key, distance } of hash === undefined ? [] : this.#byHash.near(hash)) {
      const cosine = dot(this.#rows.row(key), item.embedding);
      const { image } = this.#distinct[key] as Distinct<Meta>;
      if (await this.#isSameImage(image.keep.meta, item.meta, cosine))
        return void image.others.push({ ...keep, cosine, hashDistance: distance });
    }
    if (hash !== undefined) this.#byHash.add(hash, this.#distinct.length);
    const nearest = this.#mostSimilar(item.embedding);
    if (nearest !== undefined) this.#distinct[nearest.row]?.similar?.others.push({ ...keep, cosine: nearest.score });
    this.#distinct.push({ image: { keep, others: [] }, similar: nearest === undefined ? { keep, others: [] } : undefined });
    this.#rows.append(item.embedding);
  }

  groups(): Record<DuplicateTier, DuplicateGroup<Meta>[]> {
    return {
      bytes: closed("bytes", [...this.#byBytes.values()]),
      image: closed(
        "image",
        this.#distinct.map(({ image }) => image),
      ),
      similar: closed(
        "similar",
        this.#distinct.flatMap(({ similar }) => similar ?? []),
      ),
    };
  }

  async #isSameImage(kept: Meta, other: Meta, cosine: number): Promise<boolean> {
    if (!sameShape(kept, other) || cosine < this.#imageCosine) return false;
    return (await this.#options.sameImage?.(kept, other)) ?? true;
  }

  #mostSimilar(embedding: Float32Array): FoundRow | undefined {
    const { similarCosine: minScore } = this.#options;
    if (minScore === undefined) return undefined;
    const accepts = (row: number): boolean => this.#distinct[row]?.similar !== undefined;
    return this.#rows.nearest(embedding, minScore, accepts);
  }
}

/** The groups that have others. */
function closed<Meta extends DuplicateMeta>(tier: DuplicateTier, groups: readonly OpenGroup<Meta>[]): DuplicateGroup<Meta>[] {
  return groups.flatMap(({ keep, others }) => {
    const [next] = others;
    return next === undefined ? [] : [{ tier, keep, reason: keepReason(keep.meta, next.meta), others }];
  });
}

function cosineOf(name: string, value: number): number {
  if (value >= -1 && value <= 1) return value;
  throw new RangeError(`findDuplicates: expected ${name} to be from -1 to 1, got ${String(value)}`);
}
