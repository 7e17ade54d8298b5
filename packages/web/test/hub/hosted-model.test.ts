/** Addresses of a model's files, and the lists of them that folders and hubs have. */
import { describe, expect, it } from "vitest";
import { modelAt, parseManifest } from "../../src/hub/hosted-model.js";
import { findAtHub, parseListing } from "../../src/hub/hub-model.js";
import type { RemoteContext } from "../../src/cache/remote-file.js";

const SHA = "a".repeat(64);

describe("modelAt", () => {
  it.each([
    ["https://a.test/models/x", "https://a.test/models/x/config.json", undefined],
    ["https://a.test/models/x/?sig=1", "https://a.test/models/x/config.json?sig=1", undefined],
    ["https://a.test/x/tuned.pt", "https://a.test/x/config.json", "tuned.pt"],
    ["https://a.test/x/m.safetensors?sig=1", "https://a.test/x/config.json?sig=1", "m.safetensors"],
  ])("%s", (address, config, only) => {
    const model = modelAt("x", new URL(address));
    expect(model.urlOf("config.json")).toBe(config);
    expect(model.only).toBe(only);
  });

  it("encodes names, and keeps folders", () => {
    expect(modelAt("x", new URL("https://a.test/x/")).urlOf("onnx/a b#?.onnx")).toBe("https://a.test/x/onnx/a%20b%23%3F.onnx");
  });
});

describe("parseManifest", () => {
  it("reads names, sizes and hashes, and leaves out what is none", () => {
    const files = [{ name: "a", bytes: 3, sha256: SHA }, { name: "b", bytes: "3", sha256: SHA.toUpperCase() }, null, { bytes: 1 }];
    expect([...parseManifest(JSON.stringify({ files }))]).toEqual([
      ["a", { size: 3, sha256: SHA }],
      ["b", { size: undefined, sha256: undefined }],
    ]);
  });

  it.each([undefined, "", "null", "{}", '{"files":5}', "<html>"])("%s lists nothing", (text) => {
    expect(parseManifest(text).size).toBe(0);
  });
});

describe("parseListing", () => {
  it("reads the commit, sizes, and the hashes of large files", () => {
    const siblings = [{ rfilename: "config.json", size: 5 }, { rfilename: "m.bin", size: 9, lfs: { sha256: SHA } }, { size: 1 }];
    const listing = parseListing(JSON.stringify({ sha: "c0ffee", siblings }));
    expect(listing?.commit).toBe("c0ffee");
    expect([...(listing?.files ?? [])]).toEqual([
      ["config.json", { size: 5, sha256: undefined }],
      ["m.bin", { size: 9, sha256: SHA }],
    ]);
  });

  it.each(["", "[]", '{"sha":"../x","siblings":[]}', '{"sha":"x"}', '{"error":"not found"}'])("%s is none", (text) => {
    expect(parseListing(text)).toBeUndefined();
  });
});

describe("findAtHub", () => {
  const contextOf = (answers: Readonly<Record<string, () => Response>>): RemoteContext => ({
    client: {
      fetch: async (url) => (answers[new URL(url).host] ?? (() => new Response("", { status: 404 })))(),
      headers: {},
    },
    cache: undefined,
    signal: undefined,
  });
  const listing = (): Response => new Response(JSON.stringify({ sha: "c0ffee", siblings: [] }));
  const broken = (): Response => new Response("", { status: 503 });

  it("takes the first endpoint that answers", async () => {
    const model = await findAtHub(
      "o/n",
      ["https://down.test/", "https://hub.test"],
      "main",
      contextOf({ "down.test": broken, "hub.test": listing }),
    );
    expect(model.urlOf("a/b c")).toBe("https://hub.test/o/n/resolve/c0ffee/a/b%20c");
  });

  it("uses the revision of a mirror without the hub's API", async () => {
    const model = await findAtHub("o/n", "https://mirror.test", "v/1", contextOf({}));
    expect(model).toMatchObject({ files: undefined, source: "o/n" });
    expect(model.urlOf("x")).toBe("https://mirror.test/o/n/resolve/v%2F1/x");
  });

  it("throws the first endpoint's error when none answers, and a RangeError for no endpoint or no id", async () => {
    await expect(findAtHub("o/n", "https://down.test", "main", contextOf({ "down.test": broken }))).rejects.toMatchObject({
      code: "server",
    });
    await expect(findAtHub("o/n", [], "main", contextOf({}))).rejects.toThrow(RangeError);
    for (const id of ["o", "o/n/m", "o--x/n", "../n", "o/n..", "modelscope:o/n", "-o/n"])
      await expect(findAtHub(id, "https://hub.test", "main", contextOf({ "hub.test": listing }))).rejects.toThrow(RangeError);
  });
});
