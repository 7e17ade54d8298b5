/** The file cache's keys, segments and facts, and a full disk. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cacheKey, FileCache, isQuotaExceeded } from "../../src/cache/file-cache.js";
import { stubCaches } from "./memory-caches.js";

const URL_A = "https://hub.test/owner/name/resolve/main/model.safetensors?sig=1";
const URL_B = "https://hub.test/owner/other/resolve/main/model.safetensors";

let state: ReturnType<typeof stubCaches>;
let cache: FileCache;
beforeEach(async () => {
  state = stubCaches();
  cache = (await FileCache.open()) as FileCache;
});
afterEach(() => vi.unstubAllGlobals());

describe("FileCache", () => {
  it("has one key for each part, of the page's own origin, whatever the file's address holds", () => {
    expect(cacheKey(URL_A, "facts")).toBe(`https://page.test/.chinese-clip/${encodeURIComponent(URL_A)}?facts`);
    expect(cacheKey(URL_A, "0-5")).not.toBe(cacheKey(URL_B, "0-5"));
    expect(new URL(cacheKey(URL_A, "")).search).toBe("");
  });

  it("returns segments sorted, and their bytes", async () => {
    await cache.put(URL_A, { start: 100, end: 103 }, Uint8Array.of(4, 5, 6));
    await cache.put(URL_A, { start: 0, end: 3 }, Uint8Array.of(1, 2, 3));
    await cache.put(URL_B, { start: 50, end: 51 }, Uint8Array.of(9));
    expect(await cache.segments(URL_A)).toEqual([
      { start: 0, end: 3 },
      { start: 100, end: 103 },
    ]);
    expect(await cache.read(URL_A, { start: 100, end: 103 })).toEqual(Uint8Array.of(4, 5, 6));
    expect(await cache.read(URL_A, { start: 100, end: 104 })).toBeUndefined();
  });

  it("does not use a segment of another length than its name says", async () => {
    state.entries.set(cacheKey(URL_A, "0-9"), new Uint8Array(4));
    expect(await cache.read(URL_A, { start: 0, end: 9 })).toBeUndefined();
  });

  it.each([
    ["null", { size: undefined, version: undefined }],
    ['{"size":-1,"version":7,"sha256":"x"}', { size: undefined, version: undefined, sha256: undefined }],
    ['{"size":5,"version":"v","isChecked":true}', { size: 5, version: "v", isChecked: true }],
  ])("reads the facts %s", async (json, expected) => {
    state.entries.set(cacheKey(URL_A, "facts"), new TextEncoder().encode(json));
    expect(await cache.facts(URL_A)).toMatchObject(expected);
  });

  it("removes a file, and clears by a prefix of the address", async () => {
    for (const url of [URL_A, URL_B]) {
      await cache.put(url, { start: 0, end: 1 }, Uint8Array.of(1));
      await cache.putFacts(url, { size: 1, version: undefined });
    }
    await cache.remove(URL_A);
    expect(await cache.facts(URL_A)).toBeUndefined();
    expect(await cache.clear("https://hub.test/owner/name/")).toBe(0);
    expect(await cache.clear("https://hub.test/owner/")).toBe(2);
    expect(state.entries.size).toBe(0);
  });

  it("rejects what there is no room for with a HubError that says how large it is", async () => {
    state.quota = 10;
    await expect(cache.put(URL_A, { start: 0, end: 100 }, new Uint8Array(100))).rejects.toMatchObject({
      name: "HubError",
      code: "disk",
      details: { url: URL_A.replace("sig=1", "sig=***"), byteLength: 100 }, // a signature opens the file
    });
  });
});

describe("isQuotaExceeded", () => {
  it.each([
    [new DOMException("full", "QuotaExceededError"), true],
    [Object.assign(new Error("full"), { name: "QuotaExceededError" }), true],
    [new DOMException("gone", "InvalidStateError"), false],
    [new TypeError("full"), false],
    [undefined, false],
    ["QuotaExceededError", false],
  ])("%s: %s", (error, expected) => {
    expect(isQuotaExceeded(error)).toBe(expected);
  });
});
