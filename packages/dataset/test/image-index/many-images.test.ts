/** A folder of 1,000 images that changes; `many-images.slow.test.ts` takes 50,000. */
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { it } from "vitest";
import { indexManyImages } from "./index-many-images.js";

const { path } = scratchFolder();

it("embeds what is new, and nothing twice, whatever is killed on the way", async () => {
  await indexManyImages(path, 1000, () => undefined);
}, 120_000);
