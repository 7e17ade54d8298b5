/**
 * Batch norm in training (Ioffe and Szegedy, 2015, algorithm 1), as `torch.nn.BatchNorm2d` computes it: by the batch's own statistics, through which the
 * gradient goes, too. Written in operators that have a rule each.
 */
import type { Value } from "@chinese-clip/model";
import type { GraphBuilder } from "@chinese-clip/model/graph";
import { divide, extentsOf, reduceSum, reshapeTo, scale, unary } from "./steps.js";

/** Share of a batch's statistics in the running ones: PyTorch's default, which cn_clip has. */
const MOMENTUM = 0.1;

/** What a batch norm takes. */
export interface BatchNormInputs {
  /** `[B, C, H, W]` */
  readonly x: Value;
  /** `[C]` each. */
  readonly weight: Value;
  readonly bias: Value;
  readonly runningMean: Value;
  readonly runningVariance: Value;
  readonly epsilon: number;
}

/** What it gives in training. */
export interface TrainedBatchNorm {
  /** `[B, C, H, W]` */
  readonly y: Value;
  /** The running statistics after the batch, `[C]` each; the variance's share is the unbiased one. */
  readonly runningMean: Value;
  readonly runningVariance: Value;
}

/** Normalises each channel by its mean and variance over the batch. */
export function trainingBatchNorm(graph: GraphBuilder, inputs: BatchNormInputs): TrainedBatchNorm {
  const { x, weight, bias, epsilon } = inputs;
  const [B = 1, C = 0, H = 1, W = 1] = extentsOf(x);
  const count = B * H * W;
  const mean = (value: Value): Value => scale(graph, reduceSum(graph, value, [0, 2, 3]), 1 / count); // [1, C, 1, 1]
  const perChannel = (value: Value): Value => reshapeTo(graph, value, [1, C, 1, 1]);
  const center = mean(x);
  const centered = graph.sub(x, center);
  const variance = mean(graph.mul(centered, centered));
  const normed = divide(graph, centered, unary(graph, "Sqrt", graph.add(variance, graph.number(epsilon))));
  const y = graph.add(graph.mul(normed, perChannel(weight)), perChannel(bias));
  const moved = (running: Value, batch: Value, factor: number): Value =>
    graph.add(scale(graph, running, 1 - MOMENTUM), scale(graph, reshapeTo(graph, batch, [C]), MOMENTUM * factor));
  return {
    y,
    runningMean: moved(inputs.runningMean, center, 1),
    runningVariance: moved(inputs.runningVariance, variance, count / Math.max(count - 1, 1)),
  };
}

/** Whether a parameter is a batch norm's running statistic: it moves, but has no gradient. */
export function isStatistic(name: string): boolean {
  return /\.running_(?:mean|var)$/u.test(name);
}
