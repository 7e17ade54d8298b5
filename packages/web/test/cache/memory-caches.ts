/** The browser's Cache API in memory, as far as the file cache uses it, with a quota. */
import { vi } from "vitest";

/** Makes `caches` and `location` those of a page; `vi.unstubAllGlobals` ends that. */
export function stubCaches(): { readonly entries: Map<string, Uint8Array>; quota: number } {
  const entries = new Map<string, Uint8Array>();
  const state = { entries, quota: Infinity };
  const cache = {
    match: async (key: string) => {
      const bytes = entries.get(key);
      return bytes === undefined ? undefined : new Response(bytes.slice());
    },
    put: async (key: string, response: Response) => {
      const bytes = new Uint8Array(await response.arrayBuffer());
      const used = [...entries.values()].reduce((sum, { length }) => sum + length, 0);
      if (used + bytes.length > state.quota) throw new DOMException("full", "QuotaExceededError");
      entries.set(key, bytes);
    },
    keys: async (key?: string) =>
      [...entries.keys()].filter((url) => key === undefined || url.split("?")[0] === key).map((url) => ({ url })),
    delete: async (key: string | { url: string }) => entries.delete(typeof key === "string" ? key : key.url),
  };
  vi.stubGlobal("caches", { open: async () => cache });
  vi.stubGlobal("location", { origin: "https://page.test" });
  return state;
}
