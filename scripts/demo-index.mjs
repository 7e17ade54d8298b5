/**
 * The index of the demo's images that `npm run serve` searches: made once, then brought up to date.
 *
 *     node scripts/demo-index.mjs <folder of the index>
 */
import { rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./toolchain.mjs";

const packages = createRequire(join(root, "packages", "cli", "package.json"));
const load = (name) => import(pathToFileURL(packages.resolve(name)).href);
const [{ openImageIndex }, { ChineseCLIP }] = await Promise.all([load("@chinese-clip/dataset"), load("@chinese-clip/node")]);

const model = join(root, "examples", "demo-checkpoint");
const [folder = ""] = process.argv.slice(2);
const embedder = await ChineseCLIP.fromPretrained(model, { autoOrient: true });

/** What an error says of an index that is damaged, or of another version of this repository: it is a cache, and made again. */
const OUTDATED = ["damaged-index", "foreign-index", "foreign-output", "index-setting", "invalid-index-record", "not-an-image-index"];

async function update() {
  const index = await openImageIndex(folder, { embedder, settings: { model, orientation: true } });
  try {
    await index.sync(embedder, { folders: [join(root, "examples", "pictures")] });
  } finally {
    await index.close();
  }
}

try {
  await update().catch(async (error) => {
    if (error.code === "locked") return; // another `npm run serve` is making it
    if (!OUTDATED.includes(error.code)) throw error;
    await rm(folder, { recursive: true, force: true });
    await update();
  });
} finally {
  await embedder.dispose();
}
