/**
 * A graph loaded into `onnxruntime-node`, in a thread of its own: a text query is not queued behind a batch of images, and
 * neither blocks the caller's event loop.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { EncodedGraph, GraphSession } from "@chinese-clip/model";
import type { InferenceSession } from "onnxruntime-common";
import { SessionThread } from "./session-thread.js";
import { WarmingSession } from "./warming-session.js";

/** ONNX Runtime's switch for repacking weights into the layout of its matrix kernels. */
const DISABLE_PREPACKING = "disable_prepacking";
/** Files smaller than this are packed in less time than a second thread takes to start. */
const SMALL_FILES = 64 * 1024 * 1024;

/**
 * Starts a thread and loads a graph into it.
 *
 * @param folder - the folder that the graph's checkpoint files lie in.
 * @param sessionOptions - passed to ONNX Runtime; whoever sets `disable_prepacking` in it decides about packing.
 * @param lowMemory - never pack: the weights stay pages of the file, shared with every process that has it open.
 * @throws Error - with ONNX Runtime's message, if it refuses the graph or the options.
 */
export async function createNodeSession(
  graph: EncodedGraph,
  folder: string,
  sessionOptions: InferenceSession.SessionOptions,
  lowMemory: boolean,
): Promise<GraphSession> {
  const packing = (disable: "0" | "1"): InferenceSession.SessionOptions => {
    const session = { [DISABLE_PREPACKING]: disable, ...(sessionOptions.extra?.["session"] as object | undefined) };
    return { ...sessionOptions, extra: { ...sessionOptions.extra, session } };
  };
  const isDecided = DISABLE_PREPACKING in ((sessionOptions.extra?.["session"] as object | undefined) ?? {});
  const packsAtOnce = !lowMemory && (isDecided || (await filesSize(graph, folder)) < SMALL_FILES);
  const thread = new SessionThread(graph, folder, packing(packsAtOnce ? "0" : "1"));
  await thread.load(true);
  if (packsAtOnce || lowMemory) return thread;
  return new WarmingSession(thread, () => new SessionThread(graph, folder, packing("0")));
}

async function filesSize({ files }: EncodedGraph, folder: string): Promise<number> {
  const sizes = await Promise.all(files.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
