/** The package with the WebAssembly that a test wants it to find. */
import { vi } from "vitest";
import type * as index from "../src/index.js";

export type Package = typeof index;

/** A new copy of the package, whose kernel is compiled, or not, with `webAssembly` in the place of the engine's. */
export async function importWith(webAssembly: unknown): Promise<Package> {
  vi.resetModules();
  const fresh = await import("../src/index.js");
  vi.stubGlobal("WebAssembly", webAssembly);
  try {
    fresh.resize({ data: new Uint8Array(1), width: 1, height: 1, channels: 1 }, { width: 2, height: 1 });
  } finally {
    vi.unstubAllGlobals();
  }
  return fresh;
}

/** The package as it is where WebAssembly is not. */
export const scalar: Package = await importWith(undefined);
