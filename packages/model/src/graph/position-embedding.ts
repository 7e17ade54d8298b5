/**
 * The position embedding of an image tower at another resolution than it was trained for, as transformers'
 * `interpolate_pos_encoding` has it: the grid is resized bicubically (`align_corners=False`), the class token keeps its own.
 * (cn_clip resizes at load time with `align_corners=True`; the two are not interchangeable.)
 */
import type { Value } from "./ir/graph.js";
import type { GraphBuilder } from "./ir/graph-builder.js";
import { resizeBicubic } from "./ir/image-operators.js";

/**
 * `positions [G·G + 1, D]` resized to the grid of `patches [B, D, h, w]` -> `[1, h·w + 1, D]`; the resizing is part of the graph, so
 * one session serves every resolution.
 */
export function interpolatePositionEmbedding(graph: GraphBuilder, positions: Value, patches: Value, gridSize: number): Value {
  const D = Number(positions.dims[1]);
  const classPosition = graph.reshape(graph.slice(positions, graph.int64([0]), graph.int64([1]), 0), graph.int64([1, 1, D])); // [1, 1, D]
  const patchPositions = graph.slice(positions, graph.int64([1]), graph.int64([gridSize * gridSize + 1]), 0); // [G·G, D]
  const grid = graph.transpose(graph.reshape(patchPositions, graph.int64([1, gridSize, gridSize, D])), [0, 3, 1, 2]); // [1, D, G, G]
  const sizes = graph.concat([graph.int64([1, D]), graph.shape(patches, 2, 4)], 0); // = [1, D, h, w]
  const resized = resizeBicubic(graph, grid, sizes); // [1, D, h, w]
  const rows = graph.transpose(graph.reshape(resized, graph.int64([1, D, -1])), [0, 2, 1]); // [1, h·w, D]
  return graph.concat([classPosition, rows], 1); // [1, h·w + 1, D]
}
