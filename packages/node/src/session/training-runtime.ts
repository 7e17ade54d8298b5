/**
 * A training runtime on `onnxruntime-node`, in a thread of its own, because a run blocks the thread that it is in.
 */
import type { KernelCalls, ResidentBindings, ResidentSession, TrainingRuntime } from "@chinese-clip/model";
import { fromPlainTensors, type PlainTensor, type PlainTensors, reviveInferenceError } from "@chinese-clip/pipeline";
import type { Tensor } from "onnxruntime-common";
import { WorkerHost } from "../worker/worker-host.js";
import { disableTelemetry } from "./load-runtime.js";
import { processorCores } from "./processor-cores.js";
import type { TrainingRequest, TrainingWorkerData } from "./training-messages.js";

/** How training is to be computed. */
export interface TrainingRuntimeOptions {
  /** Threads of an operator. Default: one for each physical core that the process may use. Results differ in their last bits with another number. */
  readonly numThreads?: number | undefined;
}

/**
 * Makes what `@chinese-clip/training` computes with: ONNX Runtime on the processor. Its thread starts at the first call, and lets the process end when
 * it is idle.
 */
export function createTrainingRuntime({ numThreads = processorCores() }: TrainingRuntimeOptions = {}): TrainingRuntime {
  return new TrainingThread(numThreads);
}

class TrainingThread implements TrainingRuntime {
  readonly #host: WorkerHost<TrainingRequest>;

  constructor(numThreads: number | undefined) {
    this.#host = new WorkerHost(() => new URL("./training-worker.cjs", import.meta.url), {
      name: "chinese-clip training",
      gatedData: (gate): TrainingWorkerData => {
        disableTelemetry();
        return { gate, numThreads };
      },
      reviveError: { InferenceError: reviveInferenceError },
    });
  }

  createMemory(byteLength: number): Promise<number> {
    return this.#host.call({ type: "memory", byteLength });
  }

  write(memory: number, byteOffset: number, values: Float32Array): Promise<void> {
    return this.#host.call({ type: "write", memory, byteOffset, values });
  }

  read(memory: number, byteOffset: number, length: number): Promise<Float32Array> {
    return this.#host.call({ type: "read", memory, byteOffset, length });
  }

  async createSession(model: Uint8Array, bindings: ResidentBindings, keepsMemory = true): Promise<ResidentSession> {
    const session = await this.#host.call<number>({ type: "load", model, bindings, keepsMemory });
    return {
      run: async (feeds: Readonly<Record<string, Tensor>>, placed?: ResidentBindings) => {
        const plain = Object.entries(feeds).map(([name, { type, data, dims }]) => [name, { type, data, dims } as PlainTensor]);
        const given = Object.fromEntries(plain) as PlainTensors;
        return fromPlainTensors(await this.#host.call<PlainTensors>({ type: "run", session, feeds: given, bindings: placed }));
      },
      dispose: () => this.#host.call({ type: "release", session }),
    };
  }

  call(kernel: KernelCalls): Promise<readonly number[]> {
    return this.#host.call({ type: "call", kernel });
  }

  dispose(): Promise<void> {
    return this.#host.dispose();
  }
}
