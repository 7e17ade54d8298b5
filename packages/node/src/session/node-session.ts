/**
 * A graph loaded into `onnxruntime-node`, in a thread of its own: a text query is not queued behind a batch of images, and
 * neither blocks the caller's event loop.
 */
import { encodeForDevice, type GraphSession, type GraphTarget, type TowerGraph } from "@chinese-clip/model";
import type { InferenceSession } from "onnxruntime-common";
import { availableParallelism } from "node:os";
import { processorCores } from "./processor-cores.js";
import { SessionThread } from "./session-thread.js";
import { WarmingSession } from "./warming-session.js";
import type { WeightsFiles } from "../files/weights-files.js";

/**
 * ONNX Runtime hands its threads smaller and smaller parts of an operator instead of an equal share to each, so that one whose core decodes a
 * image meanwhile keeps nobody waiting. Single runs on a busy machine: images from files 4% faster, 8 ready ones between 2% faster and 5% slower.
 */
const BLOCK_BASE = "4";

/** Tokens of an image that a thread computes at once: measured with two threads, where 400 to 800 together are fastest. */
const TOKENS_PER_THREAD = 300;

/** ONNX Runtime's switch for repacking weights into the layout of its matrix kernels. */
const DISABLE_PREPACKING = "disable_prepacking";

/**
 * ONNX Runtime's switch for products of 8 bits that are exact on every x64 processor. With AVX2 or AVX-512 and without VNNI two products of a uint8 with an int8 are
 * added in 16 bits, and a sum that does not fit is cut off: ViT-B/16's smallest cosine in q8 was 0.9986 there, 0.9995 elsewhere. With this switch such a processor
 * multiplies uint8 with uint8, which takes it longer; every other one ignores it. Weights in int8 are moved for that when they are loaded; those of the tower
 * cache lie in the file as they are needed (`mixed-products.ts`). Not for the graphs of a GPU, which have no such products: it makes their
 * int8 weights uint8 and loses the shape of their zero points.
 */
const EXACT_PRODUCTS = "x64quantprecision";

/** ONNX Runtime's switch for threads that spin. */
const ALLOW_SPINNING = "intra_op.allow_spinning";

/** How long a thread that was started ahead waits for a graph. */
const SPARE_MS = 10_000;

let spare: { readonly thread: SessionThread; readonly timer: NodeJS.Timeout } | undefined;

/**
 * Starts the thread of the next session: starting it and loading the runtime into it takes about as long as reading a model's small files, so
 * both are done side by side. It ends again when nobody has used it for ten seconds.
 */
export function prepareSession(): void {
  if (spare !== undefined) return;
  const thread = new SessionThread();
  thread.start();
  const timer = setTimeout(() => {
    spare = undefined;
    void thread.dispose();
  }, SPARE_MS);
  timer.unref();
  spare = { thread, timer };
}

/** What a session does with the weights and with its threads. */
export interface SessionUse {
  /**
   * `at once`: repacked while loading; `later`: the session answers from the weights as they lie in the file, and repacks them for the matrix kernels
   * when it pays; `never`: they stay pages of the file, shared with every process that has it open.
   */
  readonly packing: "at once" | "later" | "never";
  /** Whether they are read into memory instead of mapped. */
  readonly copyWeights: boolean;
  /** Whether threads without work spin for a while before they sleep. */
  readonly spin: boolean;
}

/**
 * Loads a graph into a thread.
 *
 * @param folder - the folder that the graph's checkpoint files lie in.
 * @param weights - those files, as they were when they were opened.
 * @param sessionOptions - passed to ONNX Runtime; whoever sets `disable_prepacking` in it decides about packing.
 * @throws InferenceError - `load-failed`, with ONNX Runtime's message; `weights-changed`.
 */
export async function createNodeSession(
  graph: TowerGraph,
  target: GraphTarget,
  folder: string,
  weights: WeightsFiles,
  sessionOptions: InferenceSession.SessionOptions,
  { packing, copyWeights, spin }: SessionUse,
): Promise<GraphSession> {
  const { executionProviders, intraOpNumThreads = processorCores(), extra } = sessionOptions;
  const threads = intraOpNumThreads === undefined ? {} : { intraOpNumThreads };
  const maxTokensPerRun = executionProviders === undefined ? TOKENS_PER_THREAD * (intraOpNumThreads ?? availableParallelism()) : undefined;
  const given = extra?.["session"] as object | undefined;
  const first = takeThread();
  const encoded = await encodeForDevice(graph, target, (model, feeds) => first.try(model, feeds, sessionOptions)).catch(
    async (error: unknown) => {
      await first.dispose();
      throw error;
    },
  );
  const load = async (thread: SessionThread, packed: boolean): Promise<SessionThread> => {
    const session = {
      dynamic_block_base: BLOCK_BASE,
      [DISABLE_PREPACKING]: packed ? "0" : "1",
      ...(target === "cpu" ? { [EXACT_PRODUCTS]: "1" } : {}),
      ...(spin ? {} : { [ALLOW_SPINNING]: "0" }),
      ...given,
    };
    await thread.load(
      encoded,
      folder,
      { weights, copyWeights },
      { ...sessionOptions, ...threads, extra: { ...extra, session } },
      maxTokensPerRun,
    );
    return thread;
  };
  await load(first, packing === "at once");
  if (packing !== "later" || DISABLE_PREPACKING in (given ?? {})) return first;
  return new WarmingSession(first, () => load(new SessionThread(), true));
}

function takeThread(): SessionThread {
  const ready = spare;
  spare = undefined;
  clearTimeout(ready?.timer);
  return ready?.thread ?? new SessionThread();
}
