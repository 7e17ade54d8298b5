/**
 * Where in a checkpoint the model is. Training loops put its tensors under names of their own (`module.`, `_orig_mod.`, `model.`, `state_dict.model.`)
 * beside optimizers, averages and other heads. The prefix is found by the tensor names behind it, whatever it is called. A file may also hold the model's
 * average, which the model precedes; two models of equal standing are an error.
 */
import { malformed, quote, showName } from "../checkpoint-error.js";
import type { TensorDict } from "./tensor-dict.js";

/** A tensor's name in its dict. */
export interface FoundTensor {
  readonly dict: TensorDict;
  readonly name: string;
}

/** The model in a checkpoint. */
export interface FoundModel {
  /** Name, without what leads to the model -> tensor. */
  readonly tensors: ReadonlyMap<string, FoundTensor>;
  /** Tensors beside the model: other heads. */
  readonly others: ReadonlyMap<string, FoundTensor>;
  /** What to say where a tensor is missing: what was found instead. */
  readonly note: string | undefined;
}

/** A name of the whole model's, Hugging Face's or cn_clip's, behind anything. The last such name counts: `visual.` may lead to a model, too. */
const MODEL_NAME =
  /^([^]*\.)?((?:text_model|vision_model|bert|visual)\.[^]+|text_projection(?:\.weight)?|visual_projection\.weight|logit_scale)$/;
/** A tower that transformers 5 saved alone; its embeddings tell which tower it is. */
const TOWER_NAME = /^([^]*\.)?embeddings\.(?:(word_embeddings\.weight)|class_embedding)$/;
/** What wraps a part of a model and gives it a name: torch.compile, DistributedDataParallel, FSDP, activation checkpoints. */
const INNER_WRAPPERS = /(?<=\.)(?:(?:_orig_mod|module|_fsdp_wrapped_module|_checkpoint_wrapped_module|_forward_module)\.)+/g;
/** What leads to tensors of the model's names and shapes that are not the model: averages, teachers, an optimizer's moments. */
const BESIDE = /(?:^|[._])(?:ema|swa|avg|averaged?|shadow|teacher|momentum|optim(?:izers?)?|exp_avg_sq)(?=[._]|$)/;
/** Keys under which a state dict without a name of the model's is looked for. */
const WRAPPERS = ["state_dict.", "model_state_dict.", "model.", "module.", ""];
/** What PEFT adds to the layers that it trains. */
const LORA = /\.(?:lora_[A-Za-z_]+|base_layer)\./;
/** Names that a message shows. */
const SHOWN = 3;

/**
 * Finds the model.
 *
 * @param dicts - of all files; there is at least one.
 * @throws {@link CheckpointError} `malformed`: several models, or a tensor that two files hold.
 */
export function findModel(dicts: readonly TensorDict[]): FoundModel {
  const groups = groupByPrefix(dicts, MODEL_NAME, (behind) => behind.replace(INNER_WRAPPERS, ""));
  if (groups.size === 0) return findTowers(dicts);
  const { tensors, prefixes } = chooseModel(groups);
  refuseAdapters(tensors);
  return { tensors, others: tensorsBeside(dicts, tensors, prefixes), note: describe(prefixes) };
}

/** Whether a name is of a tensor in a state dict of the model's, whatever leads to it; a module's own parameters have no dots in their names. */
export function isStateDictName(name: string): boolean {
  return name.includes(".") && (MODEL_NAME.test(name) || TOWER_NAME.test(name));
}

type Group = Map<string, FoundTensor>;

/** What leads to a name of the model's -> the tensors behind it. */
function groupByPrefix(dicts: readonly TensorDict[], pattern: RegExp, clean: (behind: string) => string): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const dict of dicts) {
    for (const name of dict.names) {
      const [, before = "", behind] = pattern.exec(name) ?? [];
      if (behind === undefined) continue;
      const prefix = dict.path + before;
      const group = groups.get(prefix) ?? new Map<string, FoundTensor>();
      groups.set(prefix, group);
      add(group, clean(behind), { dict, name });
    }
  }
  return groups;
}

function add(group: Group, name: string, found: FoundTensor): void {
  const other = group.get(name);
  if (other !== undefined) {
    const [file, otherFile] = [found.dict.file, other.dict.file];
    const where = file === otherFile ? `${showName(other.name)} is the same one` : `${otherFile.name} holds it too`;
    malformed(file, `tensor ${showName(found.name)}: expected each tensor once, but ${where}`, { tensor: found.name });
  }
  group.set(name, found);
}

/** The largest group, and those that complete it. */
function chooseModel(groups: ReadonlyMap<string, Group>): { tensors: Group; prefixes: readonly string[] } {
  const ranked = [...groups].sort(
    ([a, x], [b, y]) => Number(BESIDE.test(a)) - Number(BESIDE.test(b)) || y.size - x.size || a.length - b.length,
  );
  const [best] = ranked;
  const tensors: Group = new Map(best?.[1]);
  const prefixes = [best?.[0] ?? ""];
  for (const [prefix, group] of ranked.slice(1)) {
    const isBeside = BESIDE.test(prefix);
    if ([...group.keys()].some((name) => tensors.has(name))) {
      if (isBeside === BESIDE.test(prefixes[0] ?? "") && 2 * group.size >= (best?.[1].size ?? 0))
        severalModels(group, prefixes[0] ?? "", prefix);
    } else if (!isBeside) {
      for (const [name, found] of group) tensors.set(name, found);
      prefixes.push(prefix);
    }
  }
  return { tensors, prefixes };
}

function severalModels(group: Group, one: string, other: string): never {
  const [found] = group.values();
  const where = one === "" || other === "" ? `with and without ${one || other}` : `under ${quote(one)} and under ${quote(other)}`;
  const message = `expected one model, got two: ${where}; save the state dict of the one to load in a file of its own`;
  malformed({ name: found?.dict.file.name ?? "" }, message, { prefixes: [one, other] });
}

/** The other tensors of the dicts that the model is in, under their own names. */
function tensorsBeside(dicts: readonly TensorDict[], tensors: Group, prefixes: readonly string[]): Group {
  const taken = new Set([...tensors.values()].map(({ dict }) => dict));
  const ours = new Map([...taken].map((dict) => [dict, new Set<string>()]));
  for (const { dict, name } of tensors.values()) ours.get(dict)?.add(name);
  const others: Group = new Map();
  for (const dict of dicts) {
    for (const name of taken.has(dict) ? dict.names : []) {
      if (ours.get(dict)?.has(name) === true) continue;
      const prefix = prefixes.find((start) => start !== "" && (dict.path + name).startsWith(start));
      const short = prefix === undefined ? name : (dict.path + name).slice(prefix.length);
      const free = [short, name, dict.path + name].find((candidate) => !tensors.has(candidate) && !others.has(candidate));
      if (free !== undefined) others.set(free, { dict, name });
    }
  }
  return others;
}

/** Towers that were saved alone; else a dict none of whose names is the model's, as it is. */
function findTowers(dicts: readonly TensorDict[]): FoundModel {
  const prefixes = new Map<string, string>();
  for (const { path, names } of dicts) {
    for (const name of names) {
      const [match, before = "", isText] = TOWER_NAME.exec(name) ?? [];
      if (match !== undefined && !BESIDE.test(path + before))
        prefixes.set(path + before, isText === undefined ? "vision_model." : "text_model.");
    }
  }
  const tensors: Group = new Map();
  const plain = dicts.filter(({ isPlain }) => isPlain);
  const wrapper = WRAPPERS.find((path) => plain.some((dict) => dict.path === path)) ?? plain[0]?.path;
  for (const dict of dicts) {
    const own = [...prefixes].filter(([prefix]) => prefix.startsWith(dict.path));
    for (const name of own.length > 0 || (prefixes.size === 0 && dict.path === wrapper) ? dict.names : []) {
      const [prefix, tower] = own.find(([start]) => (dict.path + name).startsWith(start)) ?? [dict.path, ""];
      add(tensors, tower + (dict.path + name).slice(prefix.length), { dict, name });
    }
  }
  refuseAdapters(tensors);
  if (prefixes.size === 0) return { tensors: new Map(), others: tensors, note: describeForeign(tensors) };
  return { tensors, others: new Map(), note: describe([...prefixes.keys()]) };
}

/** Without what PEFT adds, its layers are not the model that was trained. */
function refuseAdapters(tensors: Group): void {
  for (const [name, { dict }] of tensors) {
    if (LORA.test(name))
      malformed(dict.file, `tensor ${showName(name)}: expected a model without adapters, got PEFT's (LoRA); merge them with merge_and_unload() and save that`); // prettier-ignore
  }
}

function describe(prefixes: readonly string[]): string | undefined {
  const named = prefixes.filter((prefix) => prefix !== "");
  return named.length === 0 ? undefined : `the model's tensors were found under ${named.slice(0, SHOWN).map(quote).join(", ")}`;
}

function describeForeign(tensors: Group): string {
  const names = [...tensors.keys()];
  const [first] = tensors.values();
  const where = first === undefined || first.dict.path === "" ? "" : ` under ${quote(first.dict.path)}`;
  const shown = names.slice(0, SHOWN).map(quote).join(", ");
  return `none of its ${names.length} tensors${where} has a name of this model's: ${shown}${names.length > SHOWN ? ", ..." : ""}; save model.state_dict() of a Chinese-CLIP`;
}
