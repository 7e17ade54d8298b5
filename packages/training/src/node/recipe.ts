/** What of a run goes beyond cn_clip's plain steps, and the graphs for it: dropout, masked patches, adapters, a moving average, a teacher. */
import type { Graph } from "@chinese-clip/model";
import { type Adapter, isAdapter, LORA_TARGETS, type LoraOptions, withAdapters } from "../graphs/adapters.js";
import { withDropout } from "../graphs/dropout.js";
import { withPatchMask } from "../graphs/patch-mask.js";
import { checkAveraging } from "./averaging.js";
import { integer, positive } from "./option-ranges.js";
import type { TrainOptions } from "./train-options.js";

type Tower = "text" | "vision";

/** Options with their defaults. */
export interface Recipe {
  readonly dropout: number;
  readonly maskRatio: number;
  readonly lora: LoraOptions | undefined;
  readonly emaDecay: number | undefined;
  readonly distillationWeight: number | undefined;
  readonly augment: boolean;
}

/**
 * Fills in the defaults.
 *
 * @throws RangeError - an option out of its range, or without effect on what is trained.
 */
export function settleRecipe({
  freeze,
  dropout = 0.1,
  maskRatio = 0,
  lora,
  emaDecay,
  distillation,
  augment = false,
  averaging,
}: TrainOptions): Recipe {
  const needsImages = { maskRatio: maskRatio > 0, distillation: distillation !== undefined, augment };
  const idle = Object.entries(needsImages).find(([, isOn]) => isOn)?.[0];
  if (freeze === "vision" && idle !== undefined)
    throw new RangeError(`${idle}: expected an image tower that is trained, got freeze "vision"`);
  if (averaging !== undefined) checkAveraging(averaging);
  if (averaging !== undefined && lora !== undefined)
    throw new RangeError("averaging: expected weights that are trained, got lora, whose two matrices have no average");
  if (lora !== undefined) {
    integer("lora.rank", lora.rank, 1);
    if (lora.alpha !== undefined) positive("lora.alpha", lora.alpha);
  }
  return {
    dropout: freeze === "text" ? 0 : share("dropout", dropout),
    maskRatio: share("maskRatio", maskRatio),
    lora,
    emaDecay: emaDecay === undefined ? undefined : share("emaDecay", emaDecay),
    distillationWeight: distillation && positive("distillation.weight", distillation.weight ?? 0.5),
    augment,
  };
}

/** What the record of a run says of it. */
export function recipeRecord({ lora, distillation }: TrainOptions, recipe: Recipe): Readonly<Record<string, string | number>> {
  const { dropout, maskRatio, emaDecay = "none", distillationWeight = "none", augment } = recipe;
  const adapters =
    lora === undefined ? "none" : `rank ${lora.rank}, alpha ${lora.alpha ?? 2 * lora.rank}, ${(lora.targets ?? LORA_TARGETS).join(" ")}`;
  const teacher = typeof distillation?.teacher === "string" ? distillation.teacher : distillation === undefined ? "none" : "a model";
  return { dropout, maskRatio, lora: adapters, emaDecay, teacher, distillationWeight, augment: String(augment) };
}

/** The graphs of a run. */
export interface RecipeGraphs {
  /** Those of the trained towers, for steps. */
  readonly towers: Partial<Record<Tower, Graph>>;
  /** The same outside of steps. */
  readonly evaluation: Partial<Record<Tower, Graph>>;
  readonly adapters: readonly Adapter[];
  /** Which parameters are trained; undefined for all. */
  readonly trains: ((parameter: string) => boolean) | undefined;
}

/**
 * Makes the trained towers' graphs.
 *
 * @param trained - the plain graphs of the towers that are trained.
 * @throws RangeError - layers or patches that there are not.
 */
export function recipeGraphs(trained: Partial<Record<Tower, Graph>>, { dropout, maskRatio, lora }: Recipe): RecipeGraphs {
  const adapters: Adapter[] = [];
  const evaluation: Partial<Record<Tower, Graph>> = {};
  const towers: Partial<Record<Tower, Graph>> = {};
  for (const kind of ["vision", "text"] as const) {
    const plain = trained[kind];
    if (plain === undefined) continue;
    const adapted = lora === undefined ? { graph: plain, adapters: [] } : withAdapters(plain, lora);
    for (const adapter of adapted.adapters) adapters.push(adapter);
    evaluation[kind] = adapted.graph;
    const isMasked = kind === "vision" ? maskRatio > 0 : dropout > 0;
    towers[kind] = !isMasked
      ? adapted.graph
      : kind === "vision"
        ? withPatchMask(adapted.graph, maskRatio)
        : withDropout(adapted.graph, dropout);
  }
  // Adapters alone, as PEFT has it: its files have no place for the scale, and with another one their logits would be others.
  return { towers, evaluation, adapters, trains: lora && isAdapter };
}

function share(name: string, value: number): number {
  if (!(value >= 0 && value < 1)) throw new RangeError(`${name}: expected a number from 0 to below 1, got ${value}`);
  return value;
}
