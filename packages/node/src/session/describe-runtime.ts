/**
 * What computes and decodes here, for a report on a machine.
 */
import { loadRuntime } from "./load-runtime.js";
import { processorCores } from "./processor-cores.js";

/** Versions and devices. */
export interface RuntimeDescription {
  /** ONNX Runtime's version, such as `1.30.0`. */
  readonly onnxRuntime: string;
  /** What `device` can be: the providers in this build of ONNX Runtime. Whether their drivers are there shows when a model is loaded. */
  readonly devices: readonly string[];
  /** sharp's version. */
  readonly sharp: string;
  /** The version of the libvips in it. */
  readonly libvips: string;
  /** Threads that a session takes by default, one for each physical core; undefined where the system does not say, and ONNX Runtime chooses. */
  readonly threads: number | undefined;
}

/**
 * Loads ONNX Runtime and sharp and asks them.
 *
 * @throws what loading them throws, such as a shared library that the system lacks.
 */
export async function describeRuntime(): Promise<RuntimeDescription> {
  const [{ env, listSupportedBackends }, { default: sharp }] = await Promise.all([loadRuntime(), import("sharp")]);
  return {
    onnxRuntime: env.versions.node ?? env.versions.common,
    devices: listSupportedBackends().map(({ name }) => name),
    sharp: sharp.versions.sharp ?? "",
    libvips: sharp.versions.vips,
    threads: processorCores(),
  };
}
