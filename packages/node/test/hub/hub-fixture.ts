/**
 * A hub and an empty cache for each test, and no variable of the environment that means one elsewhere.
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, vi } from "vitest";
import { HubError } from "../../src/index.js";
import { HubServer, sha256 } from "./hub-server.js";

const VARIABLES =
  "HF_HUB_CACHE HUGGINGFACE_HUB_CACHE HF_HOME XDG_CACHE_HOME HF_ENDPOINT HF_TOKEN HF_TOKEN_PATH HF_HUB_OFFLINE TRANSFORMERS_OFFLINE " +
  "HF_HUB_DISABLE_IMPLICIT_TOKEN HUGGING_FACE_HUB_TOKEN HF_HUB_DISABLE_SYMLINKS HF_HUB_ETAG_TIMEOUT HF_HUB_DOWNLOAD_TIMEOUT " +
  "MODELSCOPE_ENDPOINT MODELSCOPE_CACHE HTTPS_PROXY HTTP_PROXY ALL_PROXY https_proxy http_proxy all_proxy NO_PROXY no_proxy";

export const REPO = "test/tiny-vit";
/** The model's folder in the cache. */
export const FOLDER = "models--test--tiny-vit";

export interface HubFixture {
  server: HubServer;
  cacheDir: string;
}

/** To be called at the top of a suite. */
export function useHub(): HubFixture {
  const fixture = {} as HubFixture;
  beforeEach(async () => {
    for (const name of VARIABLES.split(" ")) vi.stubEnv(name, undefined);
    vi.spyOn(Math, "random").mockReturnValue(0); // the shortest pauses between attempts
    fixture.server = await HubServer.start();
    fixture.cacheDir = await mkdtemp(join(tmpdir(), "chinese-clip-hub-"));
    vi.stubEnv("HF_HOME", join(fixture.cacheDir, "home"));
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    await fixture.server.close();
    await rm(fixture.cacheDir, { recursive: true, force: true });
  });
  return fixture;
}

/** Where the weights of the served model are collected while they are fetched. */
export function partialPath({ server, cacheDir }: HubFixture): string {
  return join(cacheDir, FOLDER, "blobs", `${sha256(servedWeights(server))}.node.incomplete`);
}

/** The bytes of the served weights. */
export function servedWeights(server: HubServer): Uint8Array {
  return server.repos.get(REPO)?.files.get("model.safetensors") ?? new Uint8Array();
}

/** Whatever has a final name is whole, no lock is left; the weights are there or not, and so is a partial file, as said. */
export async function expectCache(
  { server, cacheDir }: HubFixture,
  { weights, partial = false }: { weights: boolean; partial?: boolean },
): Promise<void> {
  const blobs = await tree(join(cacheDir, FOLDER, "blobs"));
  for (const name of blobs.filter((blob) => /^[0-9a-f]{64}$/u.test(blob)))
    expect(sha256(await readFile(join(cacheDir, FOLDER, "blobs", name)))).toBe(name);
  expect(blobs.includes(sha256(servedWeights(server)))).toBe(weights);
  expect((await tree(join(cacheDir, FOLDER, "snapshots"))).some((name) => name.endsWith("model.safetensors"))).toBe(weights);
  expect(blobs.some((name) => name.endsWith(".incomplete"))).toBe(partial);
  expect(await tree(join(cacheDir, ".locks"))).toEqual([]);
}

/** The error of a load that must fail at the hub. */
export async function hubError(loading: Promise<unknown>): Promise<HubError> {
  const error = await loading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof HubError)) throw new Error(`expected a HubError, got ${String(error)}`, { cause: error });
  return error;
}

/** All files and links below a folder, with `/` between the parts, sorted; empty where there is no such folder. */
export async function tree(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll("\\", "/"),
    )
    .sort();
}
