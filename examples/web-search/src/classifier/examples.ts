/** Files to examples: embedded and previewed one after the other, each content once. */
import type { ChineseCLIP } from "@chinese-clip/web";
import { idOf } from "../content-id.js";
import type { PlacedFile } from "../picked-files.js";
import { createThumbnail } from "../thumbnail.js";
import type { Example } from "./state.js";

/** Images that go through the model together: few, so that they appear soon. */
const BATCH_SIZE = 4;

interface Taken {
  readonly placed: PlacedFile;
  readonly id: string | undefined;
  readonly url: Promise<string | undefined>;
}

/** Each file with its example; undefined where no image can be read of it. */
export async function* readExamples(
  clip: ChineseCLIP,
  files: readonly PlacedFile[],
  signal: AbortSignal,
): AsyncGenerator<readonly [PlacedFile, Example | undefined], void, undefined> {
  async function* take(): AsyncGenerator<Taken> {
    for (const placed of files) {
      signal.throwIfAborted();
      const url = createThumbnail(placed.file)
        .then(({ blob }) => URL.createObjectURL(blob))
        .catch(() => undefined); // before anything is waited for: the image may be known as broken sooner than its hash
      yield { placed, id: await idOf(placed.file), url };
    }
  }
  const options = { imageOf: ({ placed }: Taken) => placed.file, batchSize: BATCH_SIZE, signal };
  for await (const result of clip.embedImages(take(), options)) {
    const { placed, id } = result.input;
    const url = await result.input.url;
    if ("error" in result || id === undefined || url === undefined) yield [placed, undefined];
    else yield [placed, { id, path: placed.path, url, embedding: new Float32Array(result.embedding) }];
  }
}
