/**
 * A model's weights where they are not called as Hugging Face's: cn_clip's releases and what was fine-tuned from them; and what to say where there
 * are none.
 */
import { CheckpointError } from "@chinese-clip/model";
import type { ModelFiles } from "../platform.js";
import {
  CONFIG_FILE,
  EXPORT_FILES,
  isGraphFile,
  OTHER_WEIGHTS_FILES,
  otherWeightsFiles,
  parseVariant,
  weightsFiles,
} from "./model-file-names.js";

const [EXPORT_FILE = ""] = EXPORT_FILES;

/** Names that a message shows. */
const SHOWN = 5;
/** Weights that only another program can load, and what to say of them. */
const FOREIGN: readonly (readonly [pattern: RegExp, advice: string])[] = [
  [
    /^adapter_(?:config\.json|model\.(?:safetensors|bin))$/,
    "got a PEFT adapter (LoRA), which is not a model by itself: merge it into the model with merge_and_unload() and save that with save_pretrained()",
  ],
  [/\.(?:part|partial|incomplete|crdownload|aria2)$/, "got a download that is not finished: finish it first"],
  [/\.(?:h5|msgpack|gguf)$/, "got weights of another framework: save the model in PyTorch's or in safetensors' format"],
];
/** What a processor is made of; a folder may have no more than that. */
const PROCESSOR_FILE = /^(?:processor_config|preprocessor_config|tokenizer|tokenizer_config)\.json$|^vocab\.txt$/;

/**
 * The one file of weights that is not called as in Hugging Face's models.
 *
 * @throws CheckpointError - `missing-file`: none, or several that may be meant.
 */
export async function otherWeights(files: ModelFiles, names: readonly string[], variant: string | undefined): Promise<string> {
  const { source } = files;
  const expected = weightsFiles(variant);
  const fail = (message: string, actual?: readonly string[]): never => {
    throw new CheckpointError("missing-file", message, {
      file: expected[0],
      source,
      expected,
      ...(actual === undefined ? {} : { actual }),
    });
  };
  if (variant !== undefined) fail(`expected weights of the variant ${variant}: ${expected.join(", ")}, got none of them`);
  const adapter = FOREIGN[0];
  const isAdapter = names.some((name) => adapter?.[0].test(name) === true);
  for (const pattern of isAdapter ? [] : OTHER_WEIGHTS_FILES) {
    const [first, ...others] = otherWeightsFiles(names, pattern);
    if (first === undefined) continue;
    if (others.length === 0) return first;
    const all = [first, ...others];
    fail(`expected one weights file, got ${listOf(all)}; name the one to load`, all);
  }
  const variants = names.filter((name) => parseVariant(name) !== undefined);
  const [other] = variants;
  if (other !== undefined) {
    const found = [...new Set(variants.map(parseVariant))].map((name) => JSON.stringify(name)).join(" or ");
    fail(`expected weights: ${expected.join(", ")}, got ${listOf(variants)}: name the variant, ${found}`, variants);
  }
  for (const [pattern, advice] of FOREIGN) {
    const found = names.filter((name) => pattern.test(name));
    if (found.length > 0) fail(`expected weights: ${expected.join(", ")} or a .pt file, ${advice} (${listOf(found)})`, found);
  }
  const graphs = await listGraphs(files, names);
  if (graphs.length > 0) {
    throw new CheckpointError(
      "missing-file",
      `expected a checkpoint (${expected.join(", ")} or a .pt file), got ONNX graphs only (${graphs.slice(0, 3).join(", ")}): ${EXPORT_FILE} can be ` +
        "loaded, and its towers exported as ONNX, but its weights have lost their names, so that they cannot be written in another format; " +
        "name the checkpoint that it was exported from",
      { file: expected[0], source, expected, actual: graphs },
    );
  }
  const processor = names.filter((name) => PROCESSOR_FILE.test(name));
  const isProcessorOnly = processor.length > 0 && !names.includes(CONFIG_FILE);
  const got = isProcessorOnly ? `got a processor only (${listOf(processor)}); save the model into the folder, too` : "got none of them";
  return fail(`expected weights: ${expected.join(", ")}, a .pt file or ${EXPORT_FILE}, ${got}`);
}

/** Names for a message: the first ones. */
function listOf(names: readonly string[]): string {
  return names.length <= SHOWN ? names.join(", ") : `${names.slice(0, SHOWN).join(", ")} and ${names.length - SHOWN} more`;
}

/** ONNX graphs among the files. A folder's list has no subfolders, but that is where exporters put theirs. */
async function listGraphs(files: ModelFiles, names: readonly string[]): Promise<readonly string[]> {
  const graphs = names.filter(isGraphFile);
  return graphs.length > 0 || (await files.open(EXPORT_FILE)) === undefined ? graphs : [EXPORT_FILE];
}
