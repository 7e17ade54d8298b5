/** A folder of 50,000 images that changes; prints how long each run takes. */
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { it } from "vitest";
import { indexManyImages } from "./index-many-images.js";

const { path } = scratchFolder();

it("embeds what is new, and nothing twice, whatever is killed on the way", async () => {
  await indexManyImages(path, 50_000, console.log);
}, 1_200_000);
