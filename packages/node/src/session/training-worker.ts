/**
 * The thread of a training runtime: the memories that parameters, gradients and moments lie in, the sessions that read and write them in place, and the
 * kernels that change them. ONNX Runtime takes no shared memory, so all of it is in one thread.
 */
import type { ResidentTensor } from "@chinese-clip/model";
import { buffersOf, loadFailure, runFailure, toPlainTensors, Transferred } from "@chinese-clip/pipeline";
import { workerData } from "node:worker_threads";
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { ThreadGate } from "../worker/thread-gate.js";
import { servePort } from "../worker/worker-port.js";
import type { TrainingRequest, TrainingWorkerData } from "./training-messages.js";

/** Bytes of a page of WebAssembly's memory. */
const PAGE = 65_536;

/**
 * All shapes are known, and a plan of the memory made ahead takes half as much again as what is alive at a time. Each session has threads of its own,
 * which must not take the processor from another's while they wait.
 */
const OPTIONS = { enableMemPattern: false, extra: { session: { intra_op: { allow_spinning: "0" } } } } as const;

interface LoadedSession {
  readonly session: InferenceSession;
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** Null for an output that ONNX Runtime allocates. */
  readonly outputs: Readonly<Record<string, Tensor | null>>;
}

// training-runtime.ts is the only one to start this thread
const { gate: state, numThreads } = workerData as TrainingWorkerData;
const gate = new ThreadGate(state);
const runtime = gate.pass(() => import("onnxruntime-node"));
runtime.catch(() => undefined); // whoever asks is told

const memories: WebAssembly.Memory[] = [];
const sessions: Map<number, LoadedSession> = new Map();
let lastSession = 0;
const kernels: Map<string, WebAssembly.Module> = new Map();
const instances: Map<string, WebAssembly.Instance> = new Map();

function memoryOf(index: number): WebAssembly.Memory {
  const memory = memories[index];
  if (memory === undefined) throw new Error(`training: expected a memory of this thread, got number ${index}`);
  return memory;
}

function sessionOf(index: number): LoadedSession {
  const session = sessions.get(index);
  if (session === undefined) throw new Error(`training: expected a session of this thread, got number ${index}`);
  return session;
}

function functionOf(module: Uint8Array, memory: number, name: string): (...values: readonly number[]) => number | undefined {
  const text = Buffer.from(module).toString("base64");
  let instance = instances.get(`${memory} ${text}`);
  if (instance === undefined) {
    const compiled = kernels.get(text) ?? new WebAssembly.Module(module as Uint8Array<ArrayBuffer>);
    kernels.set(text, compiled);
    instance = new WebAssembly.Instance(compiled, { env: { memory: memoryOf(memory) } });
    instances.set(`${memory} ${text}`, instance);
  }
  return instance.exports[name] as (...values: readonly number[]) => number | undefined;
}

async function placed(tensors: Readonly<Record<string, ResidentTensor>>): Promise<Record<string, Tensor>> {
  const { Tensor } = await runtime;
  const place = ({ memory, byteOffset, dims }: ResidentTensor): Tensor => {
    const length = dims.reduce((size, extent) => size * extent, 1);
    return new Tensor("float32", new Float32Array(memoryOf(memory).buffer, byteOffset, length), dims);
  };
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, place(tensor)]));
}

servePort<TrainingRequest>(
  {
    memory({ byteLength }): number {
      const pages = Math.max(Math.ceil(byteLength / PAGE), 1);
      return memories.push(new WebAssembly.Memory({ initial: pages, maximum: pages })) - 1;
    },

    write({ memory, byteOffset, values }): void {
      new Float32Array(memoryOf(memory).buffer, byteOffset, values.length).set(values);
    },

    read({ memory, byteOffset, length }): Transferred {
      const values = new Float32Array(memoryOf(memory).buffer, byteOffset, length).slice();
      return new Transferred(values, [values.buffer]);
    },

    async load({ model, bindings, keepsMemory }): Promise<number> {
      const { InferenceSession } = await runtime;
      const threads = numThreads === undefined ? {} : { intraOpNumThreads: numThreads };
      const session = await gate
        .pass(() => InferenceSession.create(model, { ...threads, ...OPTIONS, enableCpuMemArena: keepsMemory }))
        .catch((cause: unknown) => {
          throw loadFailure(cause);
        });
      const outputs = Object.fromEntries(session.outputNames.map((name) => [name, null]));
      sessions.set(++lastSession, {
        session,
        inputs: await placed(bindings.inputs),
        outputs: { ...outputs, ...(await placed(bindings.outputs)) },
      });
      return lastSession;
    },

    async run({ session: index, feeds, bindings = { inputs: {}, outputs: {} } }): Promise<Transferred> {
      const { Tensor } = await runtime;
      const loaded = sessionOf(index);
      const { session } = loaded;
      const inputs = { ...loaded.inputs, ...(await placed(bindings.inputs)) };
      const outputs = { ...loaded.outputs, ...(await placed(bindings.outputs)) };
      const given = Object.entries(feeds).map(([name, { type, data, dims }]) => [name, new Tensor(type, data, dims)]);
      const results = await gate
        .pass(() => session.run({ ...inputs, ...Object.fromEntries(given) }, outputs))
        .catch((cause: unknown) => {
          throw runFailure(cause);
        });
      const plain = toPlainTensors(Object.fromEntries(Object.entries(results).filter(([name]) => outputs[name] === null)));
      return new Transferred(plain, buffersOf(plain));
    },

    async release({ session: index }): Promise<void> {
      const loaded = sessions.get(index);
      sessions.delete(index);
      if (loaded !== undefined) await gate.pass(() => loaded.session.release());
    },

    call({ kernel: { module, name, calls } }): number[] {
      return calls.map(({ memory, arguments: values }) => functionOf(module, memory, name)(...values) ?? 0);
    },
  },
  gate,
);
