/**
 * A tower's graph as an ONNX file of its own, for other runtimes and servers. What it takes comes with the first export: a page makes none.
 */
import type { Piece } from "./encode-onnx.js";
import type { EncodedGraph } from "./graph-builder.js";

/** How an export is to be. */
export interface OnnxExportOptions {
  /** Whether the features are divided by their L2 norm. */
  readonly normalize: boolean;
  /** Whether the weights go into a data file: `auto` where the model would reach protobuf's 2 GB. */
  readonly externalData: boolean | "auto";
  /** Name of the data file. */
  readonly dataFile: string;
  /** `metadata_props`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The bytes of an export, in order; ranges are of the files that the graph's weights lie in, by their names. */
export interface OnnxExport {
  /** The `.onnx` file. */
  readonly model: readonly Piece[];
  /** The data file; empty where the weights are in the model. */
  readonly data: readonly Piece[];
}

/**
 * Lays out one tower as files. Nothing is read: the ranges are the caller's to copy.
 *
 * @param graph - with one output, the features.
 * @throws RangeError - `externalData: false` for a model of 2 GiB or more.
 */
export async function layOutOnnx(graph: EncodedGraph, options: OnnxExportOptions): Promise<OnnxExport> {
  const { layOut } = await import("./lay-out-onnx.js");
  return layOut(graph, options);
}
