/**
 * Every benchmark, one after another: `pnpm bench`, or `pnpm bench -- resize tokenizer` for some of them. Nothing is downloaded; the
 * ViT-B/16-sized checkpoint is made at the first run.
 */
import { arch, cpus, platform } from "node:os";
import { fileURLToPath } from "node:url";
import { benchCombinedOnnx } from "./combined-onnx.js";
import { benchEventLoop } from "./event-loop.js";
import { benchFirstText } from "./first-text.js";
import { makeRandomCheckpoint, VIT_B_16 } from "./random-checkpoint.js";
import { benchPublishedModels } from "./published-models.js";
import { benchResize } from "./resize.js";
import { benchTokenizer } from "./tokenizer.js";

const cache = (name: string): string => fileURLToPath(new URL(`../.cache/${name}`, import.meta.url));
const vitB16 = (): Promise<string> => makeRandomCheckpoint(cache("vit-b-16"), VIT_B_16);

const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  tokenizer: benchTokenizer,
  resize: benchResize,
  "first-text": async () => benchFirstText(await vitB16()),
  "combined-onnx": async () => benchCombinedOnnx(await vitB16()),
  "published-models": () => benchPublishedModels(cache("published")),
  "event-loop": async () => benchEventLoop(await vitB16()),
};

const wanted = process.argv.slice(2).filter((argument) => argument !== "--");
const unknown = wanted.find((name) => !(name in BENCHES));
if (unknown !== undefined) throw new RangeError(`bench: expected some of ${Object.keys(BENCHES).join(", ")}, got ${unknown}`);

console.log(`Node ${process.versions.node}, ${platform()} ${arch()}, ${cpus().length} x ${cpus()[0]?.model.trim() ?? "unknown processor"}`);
for (const name of wanted.length > 0 ? wanted : Object.keys(BENCHES)) await BENCHES[name]?.();
