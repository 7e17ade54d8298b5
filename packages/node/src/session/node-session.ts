/**
 * A graph loaded into `onnxruntime-node`, in a thread of its own: a text query is not queued behind a batch of images, and
 * neither blocks the caller's event loop.
 */
import type { EncodedGraph, GraphSession } from "@chinese-clip/model";
import type { InferenceSession } from "onnxruntime-common";
import { availableParallelism } from "node:os";
import { SessionThread } from "./session-thread.js";

/**
 * ONNX Runtime hands its threads smaller and smaller parts of an operator instead of an equal share to each, so that one whose core decodes a
 * picture meanwhile keeps nobody waiting. Single runs on a busy machine: pictures from files 4% faster, 8 ready ones between 2% faster and 5% slower.
 */
const BLOCK_BASE = "4";

/** Tokens of a picture that a thread computes at once: measured with two threads, where 400 to 800 together are fastest. */
const TOKENS_PER_THREAD = 300;

/**
 * Starts a thread and loads a graph into it.
 *
 * @param folder - the folder that the graph's checkpoint files lie in.
 * @param sessionOptions - passed to ONNX Runtime, on top of what `lowMemory` says.
 * @param lowMemory - do not repack the weights for the matrix kernels: they stay pages of the file, shared with every process that has it open.
 * @throws Error - with ONNX Runtime's message, if it refuses the graph or the options.
 */
export async function createNodeSession(
  graph: EncodedGraph,
  folder: string,
  sessionOptions: InferenceSession.SessionOptions,
  lowMemory: boolean,
): Promise<GraphSession> {
  const session = {
    dynamic_block_base: BLOCK_BASE,
    disable_prepacking: lowMemory ? "1" : "0",
    ...(sessionOptions.extra?.["session"] as object | undefined),
  };
  const { executionProviders, intraOpNumThreads = availableParallelism(), extra } = sessionOptions;
  const onCpu = executionProviders === undefined;
  const options = { ...sessionOptions, extra: { ...extra, session } };
  const thread = new SessionThread(graph, folder, options, onCpu ? TOKENS_PER_THREAD * intraOpNumThreads : undefined);
  await thread.load();
  return thread;
}
