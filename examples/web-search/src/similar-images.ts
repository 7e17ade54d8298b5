/** Images of the browser's index that the model finds similar, as `findDuplicates` groups them. */
import { findDuplicates } from "@chinese-clip/search";
import type { DuplicateGroup } from "@chinese-clip/search-page";
import { detailsOf, type LibraryImage } from "./image-library.js";

/** The minimum cosine, as the server's. */
const SIMILAR_COSINE = 0.95;

/** Groups of similar images, in the order of the worth of what they keep. */
export async function similarImages(images: readonly LibraryImage[]): Promise<DuplicateGroup[]> {
  const byId = new Map(images.map((image) => [image.id, image]));
  const itemOf = ({ id, embedding, width, height, bytes, modifiedAt }: LibraryImage) => ({
    id,
    embedding,
    meta: { width, height, size: bytes, mtime: modifiedAt },
  });
  const store = {
    info: { fingerprint: "", dim: images[0]?.embedding.length ?? 0, count: images.length },
    async *list() {
      yield* images.map(itemOf);
    },
    get: async (ids: readonly string[]) => ids.map((id) => byId.get(id)).map((image) => image && itemOf(image)),
  };
  const { groups } = await findDuplicates(store, { similarCosine: SIMILAR_COSINE });
  const shown = (id: string): LibraryImage => byId.get(id) as LibraryImage;
  return groups.similar.map(({ keep, reason, others }) => ({
    keep: detailsOf(shown(keep.id)),
    reason,
    others: others.map(({ id, cosine }) => ({ ...detailsOf(shown(id)), score: cosine })),
  }));
}
