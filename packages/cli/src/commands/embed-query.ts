/**
 * The embeddings of a query's parts.
 */
import type { DatasetEmbedder } from "@chinese-clip/dataset";
import type { QueryPart } from "@chinese-clip/search";
import { preprocessEvalText } from "@chinese-clip/tokenizer";
import { CommandError, t } from "../translation/translate.js";
import { errorText } from "../translation/translate-error.js";

/** Embeds the parts, texts as cn_clip prepares them. @throws CommandError - an image that cannot be read. */
export async function embedParts(
  parts: readonly QueryPart[],
  embedder: Pick<DatasetEmbedder, "embedText" | "embedImages">,
  signal?: AbortSignal,
): Promise<Float32Array[]> {
  const embeddings: Float32Array[] = [];
  for (const { kind, content } of parts) {
    embeddings.push(
      kind === "text"
        ? (await embedder.embedText([preprocessEvalText(content)], { signal })).data
        : await embedQueryImage(content, embedder, signal),
    );
  }
  return embeddings;
}

/** Embeds an image's file. @throws CommandError - it cannot be read. */
export async function embedQueryImage(
  file: string,
  embedder: Pick<DatasetEmbedder, "embedImages">,
  signal?: AbortSignal,
): Promise<Float32Array> {
  for await (const result of embedder.embedImages(only(file), { imageOf: (path) => path, signal })) {
    if ("embedding" in result) return result.embedding;
    throw new CommandError(t`${file}: cannot be read as the query's image (${errorText(result.error)})`, { cause: result.error });
  }
  throw new TypeError("embedImages: expected a result for each image, got none");
}

async function* only(file: string): AsyncGenerator<string, void, undefined> {
  yield file;
}
