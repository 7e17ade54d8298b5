/**
 * transformers.js' side of a comparison. It is installed when it is first asked for, and is loaded into this very process, so that both sides
 * run in turn on the same machine at the same moment.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Embedder } from "./ours.js";

/** As much of the package as is used. */
interface TransformersJs {
  readonly env: { localModelPath: string; allowRemoteModels: boolean };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: number[]) => object;
  readonly AutoTokenizer: { from_pretrained(name: string, options: object): Promise<(texts: string[], options: object) => object> };
  readonly ChineseCLIPModel: {
    from_pretrained(
      name: string,
      options: object,
    ): Promise<
      ((
        inputs: object,
      ) => Promise<{ readonly text_embeds: { readonly data: Float32Array }; readonly image_embeds: { readonly data: Float32Array } }>) & {
        dispose(): Promise<unknown>;
      }
    >;
  };
}

/** Where the peers are installed. */
export const PEER_FOLDER: string = fileURLToPath(new URL("../peers/", import.meta.url));
/** The package's build for Node. */
export const PEER_MODULE: URL = new URL("../peers/node_modules/@huggingface/transformers/dist/transformers.node.mjs", import.meta.url);
/** Texts that go into one run, in the caller's order, padded to the longest, as its documentation shows. */
const TEXT_BATCH = 64;
const SIDE = 224;

/** Installs the peers by their lock, once; from whichever registry npm is set up for. */
export async function installPeers(): Promise<void> {
  if (existsSync(PEER_MODULE)) return;
  console.log("installing transformers.js into bench/peers (474 MB) …");
  await promisify(execFile)("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: PEER_FOLDER,
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" },
    shell: process.platform === "win32",
  });
}

/**
 * Loads the combined export in one of the dtypes that users have; `q8` is its best one on a processor.
 *
 * @param threads - of one operator; default: as it comes, which is ONNX Runtime's default.
 */
export async function loadPeer(folder: string, dtype: "fp32" | "q8", threads?: number): Promise<Embedder> {
  await installPeers();
  const { env, AutoTokenizer, ChineseCLIPModel, Tensor } = (await import(PEER_MODULE.href)) as TransformersJs;
  env.localModelPath = `${dirname(folder)}/`;
  env.allowRemoteModels = false;
  const tokenize = await AutoTokenizer.from_pretrained(basename(folder), { local_files_only: true });
  const session_options = threads === undefined ? {} : { intraOpNumThreads: threads };
  const options = { dtype, device: "cpu", local_files_only: true, use_external_data_format: true, session_options };
  const model = await ChineseCLIPModel.from_pretrained(basename(folder), options);
  const tokens = (texts: readonly string[]): object => tokenize([...texts], { padding: true, truncation: true });
  const pixels = (values: Float32Array, side: number): object =>
    new Tensor("float32", values, [values.length / (3 * side * side), 3, side, side]);
  // Its graph has both towers, and each run wants an input for both: the least that one can give.
  const noText = tokens(["图"]);
  const noImage = pixels(new Float32Array(3 * SIDE * SIDE), SIDE);
  return {
    name: `transformers.js ${dtype}${threads === undefined ? " as it comes" : ""}`,
    async embedTexts(texts) {
      const parts: Float32Array[] = [];
      for (let start = 0; start < texts.length; start += TEXT_BATCH) {
        const { text_embeds: rows } = await model({ ...tokens(texts.slice(start, start + TEXT_BATCH)), pixel_values: noImage });
        parts.push(rows.data);
      }
      const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
      for (let i = 0, at = 0; i < parts.length; at += parts[i++]?.length ?? 0) all.set(parts[i] ?? [], at);
      return all;
    },
    async embedImages(values, side) {
      return (await model({ ...noText, pixel_values: pixels(values, side) })).image_embeds.data;
    },
    async dispose() {
      await model.dispose();
    },
  };
}
