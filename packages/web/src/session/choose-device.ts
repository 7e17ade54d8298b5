/**
 * WebGPU or WebAssembly.
 */
import { errorMessage } from "@chinese-clip/pipeline";

/** Why a tower does not run on WebGPU. */
export type FallbackCode =
  /** The browser, or a page that is neither https nor localhost, has no WebGPU. */
  | "no-webgpu"
  /** There is no adapter. */
  | "no-adapter"
  /** The only adapter computes on the CPU, and WebGPU was not asked for by name. */
  | "software-adapter"
  /** WebGPU failed, on creation or in a run. */
  | "webgpu-failed";

/** A fallback to WebAssembly. */
export interface Fallback {
  readonly code: FallbackCode;
  /** The reason as an English sentence. */
  readonly reason: string;
}

/** Where a session runs. */
export type DeviceChoice =
  | { readonly device: "wasm"; readonly fallback: Fallback | undefined }
  /** `half`: whether the GPU computes in half precision too. */
  | { readonly device: "webgpu"; readonly half: boolean };

/** @param requested - undefined: WebGPU where there is a GPU. By name, an adapter that computes on the CPU is accepted too. */
export async function chooseDevice(requested: "wasm" | "webgpu" | undefined): Promise<DeviceChoice> {
  if (requested === "wasm") return { device: "wasm", fallback: undefined };
  const { gpu } = navigator as Partial<Navigator>;
  if (gpu === undefined) return wasm("no-webgpu", "this browser, or a page that is neither https nor localhost, has no WebGPU");
  try {
    const adapter = await gpu.requestAdapter();
    if (adapter === null) return wasm("no-adapter", "there is no WebGPU adapter");
    if (adapter.info.isFallbackAdapter && requested === undefined)
      return wasm("software-adapter", "the only WebGPU adapter computes on the CPU");
    return { device: "webgpu", half: adapter.features.has("shader-f16") };
  } catch (error) {
    return { device: "wasm", fallback: webGpuFailure(error) };
  }
}

/** The fallback after an error of WebGPU. */
export function webGpuFailure(error: unknown): Fallback {
  return { code: "webgpu-failed", reason: `WebGPU failed: ${errorMessage(error)}` };
}

function wasm(code: FallbackCode, reason: string): DeviceChoice {
  return { device: "wasm", fallback: { code, reason } };
}
