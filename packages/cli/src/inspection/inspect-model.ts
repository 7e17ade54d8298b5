/**
 * What is in a model's files, what would be loaded of it, and what is wrong with it. Reads headers and small files, never weights, and of a
 * hub's model fetches no weights either.
 */
import { type Checkpoint, CheckpointError, checkpointGraphs, ChineseCLIPConfig } from "@chinese-clip/model";
import {
  type DiskModelFiles,
  HubError,
  ImageError,
  type ModelFiles,
  openModel,
  type PretrainedOptions,
  TokenizerError,
} from "@chinese-clip/node";
import { isCheckpointFile, loadProcessorParts, ModelReader } from "@chinese-clip/pipeline";
import { countParameters, publishedName } from "@chinese-clip/evaluation";
import { CheckedCheckpoint } from "./checked-checkpoint.js";
import { type ModelKind, tellKind } from "./model-kind.js";

/** One file of a model. */
export interface InspectedFile {
  readonly name: string;
  /** Undefined where it is at a hub and not in the cache. */
  readonly bytes: number | undefined;
}

/** Tensors of one dtype. */
export interface DtypeCount {
  readonly tensors: number;
  readonly bytes: number;
}

/** A tower as it would be loaded. */
export interface InspectedTower {
  readonly parameters: number;
  /** Number of its tensors; undefined for an ONNX export. */
  readonly tensors: number | undefined;
  readonly bytes: number | undefined;
}

/** Something that is wrong, or not known to be right. */
export type Problem = CheckpointError | TokenizerError | ImageError | HubError;

/** The report. */
export interface Inspection {
  readonly source: string;
  readonly kind: ModelKind | undefined;
  readonly files: readonly InspectedFile[];
  /** Whether the weights are here; else they are at a hub, and nothing is known of them. */
  readonly weightsHere: boolean;
  readonly dtypes: Readonly<Record<string, DtypeCount>>;
  /** cn_clip's name for a model of this shape, `ViT-B-16`. */
  readonly architecture: string | undefined;
  readonly config: ChineseCLIPConfig | undefined;
  readonly logitScale: number | undefined;
  readonly towers: { readonly text: InspectedTower; readonly vision: InspectedTower } | undefined;
  /** Entries of the tokenizer. */
  readonly vocabulary: number | undefined;
  /** Tensors that no tower reads. */
  readonly unused: readonly string[];
  readonly problems: readonly Problem[];
}

/**
 * Inspects a model.
 *
 * @throws CheckpointError - no such folder or file; HubError - the hub has no such model, or cannot be asked.
 */
export async function inspectModel(source: string, options: PretrainedOptions): Promise<Inspection> {
  const files = await openModel(source, options);
  const reopen = (): Promise<DiskModelFiles> => openModel(source, { ...options, localFilesOnly: true });
  const here = withoutFetching(files, await files.list(), reopen);
  const problems: Problem[] = [];
  const model = new ModelReader(here, { variant: options.variant });
  const listed = await listFiles(here);
  const weights = await attempt(problems, () => readWeights(model));
  const weightsHere = weights !== "not-here";
  if (weights === undefined) await noteDamage(await reopen(), listed, problems);
  const checkpoint = typeof weights === "object" ? weights.checkpoint : undefined;
  const config = await attempt(problems, async () => ChineseCLIPConfig.fromJSON(await model.config()));
  const vocabulary = await attempt(problems, async () => (await loadProcessorParts(model, {})).tokenizer.vocabSize);
  if (typeof vocabulary === "number" && typeof config === "object" && vocabulary > config.textConfig.vocabSize) {
    const [expected, actual] = [config.textConfig.vocabSize, vocabulary];
    problems.push(
      new CheckpointError(
        "vocabulary-mismatch",
        `the tokenizer has ${actual} entries and the text tower embeddings for ${expected}: the files are of different models`,
        { expected, actual },
      ),
    );
  }
  // A checkpoint of another model lacks every tensor, for one reason, which the first that is asked for says.
  const isOther = checkpoint !== undefined && !hasModelTensors(checkpoint);
  const checked = checkpoint === undefined || isOther ? undefined : new CheckedCheckpoint(checkpoint);
  const shape = typeof config === "object" ? config : undefined;
  const towers = shape === undefined ? undefined : await inspectTowers(shape, checked, problems);
  const scale =
    checkpoint === undefined
      ? typeof weights === "object"
        ? weights.logitScale
        : undefined
      : isOther && problems.length > 0
        ? undefined
        : await attempt(problems, () => checkpoint.scalar("logit_scale"));
  return {
    source,
    kind: await tellKind(here, checkpoint),
    files: listed,
    weightsHere,
    dtypes: checkpoint === undefined ? {} : countDtypes(checkpoint),
    architecture: shape === undefined ? undefined : publishedName(shape),
    config: shape,
    logitScale: typeof scale === "number" ? Math.exp(scale) : undefined,
    towers,
    vocabulary: typeof vocabulary === "number" ? vocabulary : undefined,
    unused: [...(checkpoint?.tensors.keys() ?? [])].filter((name) => name !== "logit_scale" && checked?.used.has(name) !== true),
    problems,
  };
}

const MODEL_TENSOR = /^(?:(?:text_model|vision_model|visual)\.|(?:text|visual)_projection\.|logit_scale$)/u;

function hasModelTensors({ tensors }: Checkpoint): boolean {
  return [...tensors.keys()].some((name) => MODEL_TENSOR.test(name));
}

/** Looking must not cost a download of a gigabyte: small files are fetched, large ones only opened where they are here already. */
function withoutFetching(files: ModelFiles, names: readonly string[], reopen: () => Promise<ModelFiles>): ModelFiles {
  return {
    source: files.source,
    list: async () => names,
    readText: (name) => files.readText(name),
    async open(name) {
      // Opened again for each file: the weights that a model loads have to be in one folder, and here any file is asked for.
      const file = await reopen()
        .then((local) => local.open(name))
        .catch((error: unknown) => {
          if (!(error instanceof HubError && error.code === "offline")) throw error;
          return undefined;
        });
      if (file === undefined && names.includes(name)) throw new HubError("offline", `${files.source}: ${name} is not in the cache`);
      return file;
    },
  };
}

/** Says of each cached file of weights that is not what it was when it was fetched. */
async function noteDamage(files: ModelFiles, listed: readonly InspectedFile[], problems: Problem[]): Promise<void> {
  for (const { name, bytes } of listed) if (bytes !== undefined && isCheckpointFile(name)) await files.open(name).catch(() => undefined);
  await files.discardDamaged?.().catch((error: unknown) => {
    if (!(error instanceof HubError)) throw error;
    problems.push(error);
  });
}

/** What `read` gives; undefined where it fails because of what is in the files, which becomes a problem. */
async function attempt<T>(problems: Problem[], read: () => Promise<T>): Promise<T | "not-here" | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof HubError && error.code === "offline") return "not-here";
    if (!(error instanceof CheckpointError || error instanceof TokenizerError || error instanceof ImageError)) throw error;
    // A file that several steps miss is missing once.
    if (!problems.some(({ message }) => message === error.message)) problems.push(error);
    return undefined;
  }
}

type Weights =
  | { readonly checkpoint: Checkpoint; readonly logitScale: undefined }
  | { readonly checkpoint: undefined; readonly logitScale: number };

async function readWeights(model: ModelReader): Promise<Weights> {
  const weights = await model.weights();
  return "tensors" in weights ? { checkpoint: weights, logitScale: undefined } : { checkpoint: undefined, logitScale: weights.logitScale };
}

/** Files in subfolders are not listed, but for the export that would be loaded. */
async function listFiles(files: ModelFiles): Promise<InspectedFile[]> {
  const sizeOf = async (name: string): Promise<number | undefined> =>
    files.open(name).then(
      (file) => file?.byteLength,
      () => undefined,
    );
  const names = [...(await files.list())].sort();
  const listed = await Promise.all(names.map(async (name) => ({ name, bytes: await sizeOf(name) })));
  const nested = await sizeOf("onnx/model.onnx");
  return nested === undefined ? listed : [...listed, { name: "onnx/model.onnx", bytes: nested }];
}

async function inspectTowers(
  config: ChineseCLIPConfig,
  checked: CheckedCheckpoint | undefined,
  problems: Problem[],
): Promise<{ text: InspectedTower; vision: InspectedTower }> {
  const { total, visual } = countParameters(config);
  const tower = async (parameters: number, build: (checkpoint: Checkpoint) => unknown): Promise<InspectedTower> => {
    if (checked === undefined) return { parameters, tensors: undefined, bytes: undefined };
    const before = new Set(checked.used);
    await attempt(problems, async () => build(checked));
    const own = [...checked.used].filter((name) => !before.has(name));
    return { parameters, tensors: own.length, bytes: own.reduce((sum, name) => sum + (checked.tensors.get(name)?.byteLength ?? 0), 0) };
  };
  const graphsOf = await checkpointGraphs(config);
  const text = await tower(total - visual - 1, (checkpoint) => graphsOf(checkpoint).text({ kind: "features" }));
  const vision = await tower(visual, (checkpoint) => graphsOf(checkpoint).vision({ kind: "features" }, false));
  for (const problem of checked?.problems.values() ?? []) problems.push(problem);
  return { text, vision };
}

function countDtypes(checkpoint: Checkpoint): Record<string, DtypeCount> {
  const counts: Record<string, DtypeCount> = {};
  for (const { dtype, byteLength } of checkpoint.tensors.values()) {
    const { tensors, bytes } = counts[dtype] ?? { tensors: 0, bytes: 0 };
    counts[dtype] = { tensors: tensors + 1, bytes: bytes + byteLength };
  }
  return counts;
}
