/**
 * WebGPU or WebAssembly.
 */

/** Where a session is to run, and why there if that is not what was asked for. */
export interface DeviceChoice {
  readonly device: "wasm" | "webgpu";
  /** Whether that GPU computes in half precision too. */
  readonly half?: boolean;
  /** Undefined where it is what was asked for. */
  readonly reason: string | undefined;
}

/**
 * @param asked - undefined: WebGPU where there is a GPU. Asked for by name, an adapter that computes on the CPU is good enough too.
 */
export async function chooseDevice(asked: "wasm" | "webgpu" | undefined): Promise<DeviceChoice> {
  if (asked === "wasm") return { device: "wasm", reason: undefined };
  const { gpu } = navigator as Partial<Navigator>;
  if (gpu === undefined) return { device: "wasm", reason: "this browser, or a page that is neither https nor localhost, has no WebGPU" };
  try {
    const adapter = await gpu.requestAdapter();
    if (adapter === null) return { device: "wasm", reason: "there is no WebGPU adapter" };
    if (adapter.info.isFallbackAdapter && asked === undefined)
      return { device: "wasm", reason: "the only WebGPU adapter computes on the CPU" };
    return { device: "webgpu", half: adapter.features.has("shader-f16"), reason: undefined };
  } catch (error) {
    return { device: "wasm", reason: `WebGPU failed: ${error instanceof Error ? error.message : String(error)}` };
  }
}
