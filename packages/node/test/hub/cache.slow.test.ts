/**
 * What is fetched, where it is kept, and when nobody is asked.
 */
import { cp, mkdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, vi } from "vitest";
import { ChineseCLIP, ChineseCLIPModel, ChineseCLIPProcessor, HubError, type LoadProgress } from "../../src/index.js";
import { ChineseCLIP as Built } from "../../dist/index.js";
import { hubError, REPO, tree, useHub } from "./hub-fixture.js";
import { etagOf, gitSha1, sha256 } from "./hub-server.js";

const TINY = fileURLToPath(new URL("../../../../fixtures/tiny-vit", import.meta.url));
const COMMIT = "a".repeat(40);
const hub = useHub();

const load = (options: object = {}): Promise<ChineseCLIPModel> =>
  ChineseCLIPModel.fromPretrained(REPO, { endpoint: hub.server.endpoint, cacheDir: hub.cacheDir, ...options });
const loadAll = (options: object = {}): Promise<ChineseCLIP> =>
  ChineseCLIP.fromPretrained(REPO, { endpoint: hub.server.endpoint, cacheDir: hub.cacheDir, ...options });
const folder = (): string => join(hub.cacheDir, "models--test--tiny-vit");
/** Puts the model where Python's `snapshot_download` would, without our own notes. */
async function fillLikePython(): Promise<void> {
  for (const [name, bytes] of hub.server.repos.get(REPO)?.files ?? []) {
    const etag = etagOf(name, bytes);
    await mkdir(join(folder(), "blobs"), { recursive: true });
    await mkdir(join(folder(), "snapshots", COMMIT), { recursive: true });
    await writeFile(join(folder(), "blobs", etag), bytes);
    await symlink(`../../blobs/${etag}`, join(folder(), "snapshots", COMMIT, name));
  }
  await mkdir(join(folder(), "refs"), { recursive: true });
  await writeFile(join(folder(), "refs", "main"), COMMIT);
}

describe("a model of a hub", () => {
  it("gives the same embeddings as its folder", async () => {
    await using here = await Built.fromPretrained(TINY);
    await using there = await Built.fromPretrained(REPO, { endpoint: hub.server.endpoint, cacheDir: hub.cacheDir });
    const texts = ["猫", "一只红色的狗"];
    expect((await there.embedText(texts)).data).toEqual((await here.embedText(texts)).data);
    const image = { data: new Uint8Array(40 * 30 * 3).map((_, i) => (i * 7) % 256), width: 40, height: 30, channels: 3 as const };
    expect((await there.embedImage(image)).data).toEqual((await here.embedImage(image)).data);
  });

  it("also by the path of its snapshot, whose files are links", async () => {
    await load();
    await using clip = await Built.fromPretrained(REPO, { endpoint: hub.server.endpoint, cacheDir: hub.cacheDir });
    const expected = await clip.embedText("猫");
    await using snapshot = await Built.fromPretrained(join(folder(), "snapshots", COMMIT));
    expect((await snapshot.embedText("猫")).data).toEqual(expected.data);
  });

  it("is kept as Python keeps it, only what is needed", async () => {
    await loadAll();
    const files = hub.server.repos.get(REPO)?.files ?? new Map<string, Uint8Array>();
    const needed = ["config.json", "model.safetensors", "preprocessor_config.json", "vocab.txt"];
    const blobs = needed.map((name) => etagOf(name, files.get(name) as Uint8Array));
    const kept = await tree(folder());
    expect(kept.filter((path) => !path.startsWith(".no_exist/"))).toEqual(
      [
        ...blobs.map((etag) => `blobs/${etag}`),
        `.listing/${COMMIT}.json`,
        "refs/main",
        ...needed.map((name) => `snapshots/${COMMIT}/${name}`),
      ].sort(),
    );
    expect(kept).toContain(`.no_exist/${COMMIT}/tokenizer.json`);
    expect(await readFile(join(folder(), "refs", "main"), "utf8")).toBe(COMMIT);
    expect(await readlink(join(folder(), "snapshots", COMMIT, "config.json"))).toBe(
      `../../blobs/${gitSha1(files.get("config.json") as Uint8Array)}`,
    );
    const weights = sha256(files.get("model.safetensors") as Uint8Array);
    expect(sha256(await readFile(join(folder(), "blobs", weights)))).toBe(weights);
    expect(await tree(join(hub.cacheDir, ".locks"))).toEqual([]);
  });

  it("costs one request when a branch is loaded again, none when a commit is", async () => {
    await loadAll();
    hub.server.requests.length = 0;
    await loadAll();
    expect(hub.server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(["GET /api/models/test/tiny-vit/revision/main"]);
    hub.server.requests.length = 0;
    await loadAll({ revision: COMMIT });
    expect(hub.server.requests).toEqual([]);
  });

  it("takes what Python fetched: a commit without a request, a branch with one", async () => {
    await fillLikePython();
    await loadAll({ revision: COMMIT });
    expect(hub.server.requests).toEqual([]);
    await loadAll();
    expect(hub.server.requests).toHaveLength(1);
  });

  it("moves with its branch, and keeps the blobs that are the same", async () => {
    await load();
    const repo = hub.server.repos.get(REPO);
    if (repo === undefined) throw new Error("no repo");
    repo.commit = "b".repeat(40);
    repo.files.set("vocab.txt", new TextEncoder().encode("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n猫\n"));
    hub.server.requests.length = 0;
    await loadAll();
    expect(hub.server.gets("model.safetensors")).toEqual([]);
    expect(hub.server.gets("vocab.txt")).toHaveLength(1);
    expect(await readFile(join(folder(), "refs", "main"), "utf8")).toBe(repo.commit);
  });

  it("at a tag or a pull request", async () => {
    await load({ revision: "v1" });
    await load({ revision: "refs/pr/1" });
    expect(await readFile(join(folder(), "refs", "refs", "pr", "1"), "utf8")).toBe(COMMIT);
    expect((await hubError(load({ revision: "v2" }))).code).toBe("not-found");
  });

  it("comes from a mirror that cannot list its files", async () => {
    hub.server.hasApi = false;
    await loadAll();
    hub.server.requests.length = 0;
    await loadAll({ revision: COMMIT });
    expect(hub.server.requests).toEqual([]);
    hub.server.requests.length = 0;
    await loadAll();
    expect(hub.server.requests.map(({ method }) => method)).toEqual(["GET", "HEAD"]);
  });

  it("is copied where there are no symlinks", async () => {
    vi.stubEnv("HF_HUB_DISABLE_SYMLINKS", "1");
    await loadAll();
    expect(await tree(join(folder(), "blobs"))).toEqual([]);
    await using clip = await Built.fromPretrained(REPO, { localFilesOnly: true, cacheDir: hub.cacheDir });
    expect((await clip.embedText("猫")).dim).toBe(40);
  });

  it("is found by every variable that Python knows", async () => {
    for (const [name, value, place] of [
      ["XDG_CACHE_HOME", "xdg", "xdg/huggingface/hub"],
      ["HF_HOME", "home", "home/hub"],
      ["HUGGINGFACE_HUB_CACHE", "old", "old"],
      ["HF_HUB_CACHE", "new", "new"],
    ] as const) {
      vi.stubEnv("HF_HOME", undefined);
      vi.stubEnv(name, join(hub.cacheDir, value));
      vi.stubEnv("HF_ENDPOINT", `${hub.server.endpoint}/`);
      await ChineseCLIPProcessor.fromPretrained(REPO);
      expect((await tree(join(hub.cacheDir, place))).some((path) => path.endsWith("/vocab.txt"))).toBe(true);
    }
  });

  it("does not come from a hub when it looks like a path", async () => {
    for (const source of [
      "./test/tiny-vit",
      "/test/tiny-vit",
      "~/test/tiny-vit",
      "C:\\test",
      "a/b/c",
      "tiny-vit",
      "test/epoch_latest.pt",
    ]) {
      await expect(ChineseCLIP.fromPretrained(source, { endpoint: hub.server.endpoint, cacheDir: hub.cacheDir })).rejects.toMatchObject({
        code: "missing-file",
      });
    }
    await expect(ChineseCLIP.fromPretrained("https://huggingface.co/a/b")).rejects.toThrow(TypeError);
    await expect(ChineseCLIP.fromPretrained("modelscope:../x")).rejects.toThrow(RangeError);
    expect(hub.server.requests).toEqual([]);
  });

  it("comes from one weights file with the small files beside it", async () => {
    const copy = join(hub.cacheDir, "tuned");
    await cp(TINY, copy, { recursive: true });
    await cp(join(TINY, "model.safetensors"), join(copy, "tuned.safetensors"));
    await rm(join(copy, "model.safetensors"));
    await using model = await ChineseCLIPModel.fromPretrained(join(copy, "tuned.safetensors"));
    expect(model.config.projectionDim).toBe(40);
  });
});

describe("offline", () => {
  const noFetch = vi.fn(() => Promise.reject(new Error("a request was made")));

  it("a model that was fetched once loads without a request", async () => {
    await loadAll();
    await hub.server.close();
    hub.server.requests.length = 0;
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    await loadAll({ fetch: noFetch });
    await loadAll({ fetch: noFetch, revision: COMMIT });
    vi.stubEnv("HF_HUB_OFFLINE", undefined);
    await loadAll({ fetch: noFetch, localFilesOnly: true });
    await loadAll({ fetch: noFetch, localFilesOnly: true, revision: COMMIT });
    await loadAll({ fetch: noFetch, revision: COMMIT });
    vi.stubEnv("TRANSFORMERS_OFFLINE", "true");
    await loadAll({ fetch: noFetch });
    expect(noFetch).not.toHaveBeenCalled();
    expect(hub.server.requests).toEqual([]);
  });

  it("also one that Python fetched", async () => {
    await fillLikePython();
    await loadAll({ fetch: noFetch, localFilesOnly: true });
    expect(noFetch).not.toHaveBeenCalled();
  });

  it("a model that was never fetched is refused, with what to do", async () => {
    const error = await hubError(load({ localFilesOnly: true }));
    expect(error.code).toBe("offline");
    expect(error.message).toMatch(/HF_HUB_OFFLINE.*cacheDir/su);
    expect(hub.server.requests).toEqual([]);
    await ChineseCLIPProcessor.fromPretrained(REPO, { endpoint: hub.server.endpoint, cacheDir: hub.cacheDir });
    expect(await hubError(load({ localFilesOnly: true }))).toMatchObject({ code: "offline" });
  });

  it("a hub that cannot be reached is as good as offline for what is in the cache", async () => {
    await loadAll();
    const { endpoint } = hub.server;
    await hub.server.close();
    await loadAll({ endpoint });
    expect((await hubError(load({ endpoint: "http://127.0.0.1:9", cacheDir: join(hub.cacheDir, "other") }))).code).toBe("network");
  });
});

describe("who is asked, and what is said", () => {
  it("mirrors in order, until one answers", async () => {
    await loadAll({ endpoint: ["http://127.0.0.1:9", hub.server.endpoint] });
    const error = await hubError(load({ endpoint: ["http://127.0.0.1:9", hub.server.endpoint], revision: "nowhere" }));
    expect(error.code).toBe("not-found");
    expect(error.message).toMatch(/127\.0\.0\.1:9\b/u);
  });

  it("several sources in order, until one works; else each one's error", async () => {
    const options = { endpoint: hub.server.endpoint, cacheDir: hub.cacheDir };
    await using model = await ChineseCLIPModel.fromPretrained(["./nowhere", "test/none", REPO], options);
    expect(model.config.projectionDim).toBe(40);
    const failure: unknown = await ChineseCLIPModel.fromPretrained(["./nowhere", "test/none"], options).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(AggregateError);
    expect((failure as AggregateError).errors).toMatchObject([{ code: "missing-file" }, { code: "not-found" }]);
    expect((failure as AggregateError).message).toMatch(/\.\/nowhere.*test\/none/su);
    await expect(ChineseCLIPModel.fromPretrained([], options)).rejects.toThrow(RangeError);
  });

  it("the token goes to the hub and not to its CDN", async () => {
    hub.server.token = "hf_secret";
    const refused = await hubError(load());
    expect(refused.code).toBe("unauthorized");
    expect(refused.message).toMatch(/HF_TOKEN/u);
    await mkdir(join(hub.cacheDir, "home"));
    await writeFile(join(hub.cacheDir, "home", "token"), "hf_secret\n");
    vi.stubEnv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1");
    expect((await hubError(load())).code).toBe("unauthorized");
    vi.stubEnv("HF_HUB_DISABLE_IMPLICIT_TOKEN", undefined);
    await load();
    const seen = hub.server.requests.filter(({ isCdn }) => isCdn);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    expect((await hubError(load({ token: "hf_other", revision: "v1" }))).message).not.toContain("hf_other");
    await expect(load({ token: "a\nb" })).rejects.toThrow(RangeError);
  });

  it("a redirect within the hub keeps the token", async () => {
    hub.server.token = "hf_secret";
    hub.server.fault = (seen, response) => {
      if (!seen.path.startsWith("/test/tiny-vit/resolve/") || seen.path.includes("again")) return false;
      response.writeHead(307, { location: `${seen.path.replace("/test/tiny-vit/", "/test/moved/")}?again` }).end();
      return true;
    };
    const repo = hub.server.repos.get(REPO);
    if (repo !== undefined) hub.server.repos.set("test/moved", { ...repo, files: new Map([...repo.files].map(([name, bytes]) => [`${name}?again`, bytes])) }); // prettier-ignore
    await ChineseCLIPProcessor.fromPretrained(REPO, { endpoint: hub.server.endpoint, cacheDir: hub.cacheDir, token: "hf_secret" });
  });

  it("ModelScope, without the token, in a folder of its own", async () => {
    vi.stubEnv("MODELSCOPE_ENDPOINT", hub.server.endpoint);
    await ChineseCLIP.fromPretrained(`modelscope:${REPO}`, { cacheDir: hub.cacheDir, token: "hf_secret" });
    expect(hub.server.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    expect((await tree(hub.cacheDir)).filter((path) => path.startsWith("models--"))).toEqual([]);
    await hub.server.close();
    await ChineseCLIP.fromPretrained(`modelscope:${REPO}`, { cacheDir: hub.cacheDir });
    await ChineseCLIP.fromPretrained(`modelscope:${REPO}`, { cacheDir: hub.cacheDir, localFilesOnly: true });
  });

  it("a model that is not there, by what the hub says", async () => {
    const error = await hubError(ChineseCLIP.fromPretrained("test/none", { endpoint: hub.server.endpoint, cacheDir: hub.cacheDir }));
    expect(error).toBeInstanceOf(HubError);
    expect(error).toMatchObject({ code: "not-found", details: { status: 404, reason: "RepoNotFound" } });
    await expect(load({ endpoint: "ftp://x" })).rejects.toThrow(RangeError);
    await expect(load({ revision: "../main" })).rejects.toThrow(RangeError);
  });

  it("progress, file by file, and ready at the end", async () => {
    const events: LoadProgress[] = [];
    await load({ onProgress: (event: LoadProgress) => events.push(event) });
    const of = (file: string): string[] => events.flatMap((event) => ("file" in event && event.file === file ? [event.status] : []));
    expect([...new Set(of("model.safetensors"))]).toEqual(["initiate", "download", "progress", "done"]);
    const last = events.findLast((event) => event.status === "progress");
    expect(last).toMatchObject({ name: REPO, progress: 100, loaded: 1_055_988, total: 1_055_988 });
    expect(events.at(-1)).toEqual({ status: "ready", name: REPO });
    events.length = 0;
    await load({ onProgress: (event: LoadProgress) => events.push(event) });
    expect([...new Set(of("model.safetensors"))]).toEqual(["initiate", "done"]);
  });
});

describe("A9 a subfolder and a variant of a hub's model", () => {
  it("are fetched, and nothing else; the cache serves them without a request", async () => {
    const repo = hub.server.repos.get(REPO);
    const files = repo?.files ?? new Map<string, Uint8Array>();
    const served = [...files];
    for (const [name, bytes] of served) {
      if (name.includes("/")) continue;
      files.set(`checkpoint-5/${name.replace("model.safetensors", "model.fp16.safetensors")}`, bytes);
    }
    const options = { endpoint: hub.server.endpoint, cacheDir: hub.cacheDir, subfolder: "checkpoint-5", variant: "fp16" };
    await using clip = await Built.fromPretrained(REPO, options);
    const { data } = await clip.embedText("猫");
    const names = hub.server.requests.map(({ path }) => path).filter((path) => path.includes("/resolve/"));
    expect(names.length).toBeGreaterThan(1);
    expect(names.filter((path) => !path.includes("/checkpoint-5/"))).toEqual([]);
    await using again = await Built.fromPretrained(REPO, { ...options, localFilesOnly: true });
    expect((await again.embedText("猫")).data).toEqual(data);
  });
});
