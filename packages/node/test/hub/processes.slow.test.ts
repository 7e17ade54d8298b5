/**
 * Processes, signals and disks that fail. Each fault ends in a good file or a clear error; the next call succeeds; nothing partial is ever
 * visible under a file's name.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import fsPromises, { mkdir, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ChineseCLIPModel, ChineseCLIPProcessor } from "../../src/index.js";
import { expectCache, FOLDER, hubError, partialPath, REPO, servedWeights, tree, useHub } from "./hub-fixture.js";
import { end, gitSha1, sha256 } from "./hub-server.js";

const CHILD = fileURLToPath(new URL("load-in-child.mjs", import.meta.url));
const hub = useHub();

const load = (more: object = {}): Promise<ChineseCLIPModel> =>
  ChineseCLIPModel.fromPretrained(REPO, { endpoint: hub.server.endpoint, cacheDir: hub.cacheDir, ...more });
const lockPath = (): string => join(hub.cacheDir, ".locks", FOLDER, `${sha256(weights())}.node.lock`);
const folder = (): string => join(hub.cacheDir, FOLDER);
const weights = (): Uint8Array => servedWeights(hub.server);

describe("processes", () => {
  const child = () =>
    spawn(process.execPath, [CHILD, REPO, JSON.stringify({ endpoint: hub.server.endpoint, cacheDir: hub.cacheDir })], {
      stdio: ["ignore", "pipe", "inherit"],
    });
  const outcome = async (running: ReturnType<typeof child>): Promise<unknown> => {
    let text = "";
    running.stdout.on("data", (data: Buffer) => (text += data.toString()));
    await once(running, "close");
    return JSON.parse(text);
  };

  it("one that is killed leaves what the next goes on with", async () => {
    hub.server.delay = 100;
    const running = child();
    const closed = once(running, "close");
    await vi.waitFor(async () => expect((await stat(partialPath(hub))).size).toBeGreaterThan(200_000), { timeout: 20_000, interval: 20 });
    running.kill("SIGKILL");
    await closed;
    expect((await tree(join(hub.cacheDir, ".locks"))).length).toBe(1);
    hub.server.delay = 0;
    await load();
    await expectCache(hub, { weights: true });
    expect(hub.server.gets("model.safetensors").at(-1)?.headers.range).toMatch(/^bytes=\d{6,}-$/u);
  });

  it("two at once download once", async () => {
    hub.server.delay = 50;
    const outcomes = await Promise.all([outcome(child()), outcome(child()), load().then(() => "here")]);
    expect(outcomes).toEqual([{ projectionDim: 40 }, { projectionDim: 40 }, "here"]);
    expect(hub.server.gets("model.safetensors").filter(({ isCdn }) => isCdn)).toHaveLength(1);
    await expectCache(hub, { weights: true });
  });

  it("a lock that nobody holds any more is broken, wherever its owner was", async () => {
    const path = lockPath();
    await mkdir(join(path, ".."), { recursive: true });
    for (const [owner, secondsAgo] of [
      [{ pid: 2 ** 22 + 1, host: hostname(), id: "dead" }, 10],
      [{ pid: 1, host: "elsewhere", id: "cold" }, 100],
      ["", 100],
    ] as const) {
      await writeFile(path, JSON.stringify(owner));
      const then = Date.now() / 1000 - secondsAgo;
      await utimes(path, then, then);
      await load();
      await expectCache(hub, { weights: true });
      await rm(folder(), { recursive: true });
    }
  });

  it("a lock that is held is waited for, until the signal says otherwise", async () => {
    const path = lockPath();
    await mkdir(join(path, ".."), { recursive: true });
    await writeFile(path, JSON.stringify({ pid: process.pid, host: hostname(), id: "other" }));
    const reason = new Error("enough");
    const abort = new AbortController();
    const loading = load({ signal: abort.signal });
    setTimeout(() => abort.abort(reason), 300);
    await expect(loading).rejects.toBe(reason);
    await rm(path);
    await load();
    await expectCache(hub, { weights: true });
  });
});

describe("a signal", () => {
  it("ends a download within a second; the next call goes on", async () => {
    hub.server.delay = 200;
    const abort = new AbortController();
    const reason = new Error("enough");
    let aborted = 0;
    const onProgress = (event: { status: string; loaded?: number }): void => {
      if (event.status === "progress" && (event.loaded ?? 0) > 200_000 && aborted === 0) {
        aborted = performance.now();
        abort.abort(reason);
      }
    };
    await expect(load({ signal: abort.signal, onProgress })).rejects.toBe(reason);
    expect(performance.now() - aborted).toBeLessThan(1000);
    await expectCache(hub, { weights: false, partial: true });
    hub.server.delay = 0;
    await load();
    await expectCache(hub, { weights: true });
    expect(hub.server.gets("model.safetensors").at(-1)?.headers.range).toMatch(/^bytes=\d{6,}-$/u);
  });

  it("ends the pause between two attempts", async () => {
    hub.server.fault = (_, response) => (end(response, 503, { "retry-after": "30" }), true);
    const reason = new Error("enough");
    await expect(load({ signal: AbortSignal.timeout(200) })).rejects.toMatchObject({ name: "TimeoutError" });
    await expect(load({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe("a disk", () => {
  const originals = { ...fsPromises };
  afterEach(() => {
    Object.assign(fsPromises, originals);
    syncBuiltinESMExports();
  });
  const failure = (code: string, syscall: string): Error => Object.assign(new Error(`${code}: simulated, ${syscall}`), { code, syscall });

  it("that is read-only serves what it has, and says so where it has not", async () => {
    await load();
    const refuse = async (): Promise<never> => Promise.reject(failure("EROFS", "open"));
    Object.assign(fsPromises, { mkdir: refuse, writeFile: refuse, rename: refuse, symlink: refuse, rm: refuse, utimes: refuse });
    Object.assign(fsPromises, { open: (path: string, flags: unknown) => (flags === "r" ? originals.open(path, "r") : refuse()) });
    syncBuiltinESMExports();
    await load();
    await load({ localFilesOnly: true });
    const error = await hubError(load({ cacheDir: join(hub.cacheDir, "none") }));
    expect(error.code).toBe("cache");
    expect(error.message).toMatch(/cacheDir/u);
    Object.assign(fsPromises, originals);
    syncBuiltinESMExports();
    await load({ cacheDir: join(hub.cacheDir, "none") });
  });

  it("that is full is noticed before a byte is fetched", async () => {
    Object.assign(fsPromises, { statfs: async () => ({ bavail: 1000, bsize: 1 }) });
    syncBuiltinESMExports();
    const error = await hubError(load());
    expect(error).toMatchObject({ code: "disk", details: { actual: 1000 } });
    expect(hub.server.gets("model.safetensors")).toEqual([]);
    await expectCache(hub, { weights: false });
    Object.assign(fsPromises, originals);
    syncBuiltinESMExports();
    await load();
    await expectCache(hub, { weights: true });
  });

  it("that fills up on the way keeps nothing", async () => {
    Object.assign(fsPromises, {
      open: async (path: string, flags?: string | number) => {
        const handle = await originals.open(path, flags);
        if (!path.endsWith(".incomplete") || !path.includes(sha256(weights()))) return handle;
        const write = handle.write.bind(handle) as (...args: unknown[]) => Promise<unknown>;
        return Object.assign(handle, {
          write: (bytes: Uint8Array, offset: number, length: number, position: number) =>
            position > 500_000 ? Promise.reject(failure("ENOSPC", "write")) : write(bytes, offset, length, position),
        });
      },
    });
    syncBuiltinESMExports();
    const error = await hubError(load());
    expect(error.code).toBe("disk");
    expect(error.message).toMatch(/full.*cacheDir/su);
    await expectCache(hub, { weights: false });
    Object.assign(fsPromises, originals);
    syncBuiltinESMExports();
    await load();
    await expectCache(hub, { weights: true });
  });
});

describe("C6 a blob of the cache that was cut or damaged", () => {
  const blob = (): string => join(folder(), "blobs", sha256(weights()));
  const vocabulary = (): string => join(folder(), "blobs", gitSha1(hub.server.repos.get(REPO)!.files.get("vocab.txt")!));

  it.each([1000, 3, 0, 200_000])("weights of %d bytes: fetched again", async (length) => {
    await load();
    await truncate(blob(), length);
    await load();
    await expectCache(hub, { weights: true });
    expect(hub.server.gets("model.safetensors").filter(({ isCdn }) => isCdn)).toHaveLength(2);
  });

  it("weights without a network: the error names the file and the cure, and nothing is removed", async () => {
    await load();
    await truncate(blob(), 1000);
    const error = await hubError(load({ localFilesOnly: true }));
    expect(error).toMatchObject({ code: "integrity", details: { path: blob(), expected: sha256(weights()), byteLength: 1000 } });
    expect(error.message).toMatch(/damaged.*Load the model once without HF_HUB_OFFLINE/su);
    expect((await stat(blob())).size).toBe(1000);
  });

  it("a vocabulary that ends at a line, which would load", async () => {
    const text = (): Promise<unknown> =>
      ChineseCLIPProcessor.fromPretrained(REPO, { endpoint: hub.server.endpoint, cacheDir: hub.cacheDir }).then(
        ({ tokenizer }) => tokenizer.vocabSize,
      );
    const size = await text();
    const bytes = await readFile(vocabulary());
    await truncate(vocabulary(), bytes.lastIndexOf(10, bytes.length - 10) + 1);
    expect(await text()).toBe(size);
    expect(await readFile(vocabulary())).toEqual(bytes);
  });

  it("that is whole, of a model that is broken, is not fetched again", async () => {
    const bytes = Uint8Array.from(weights()).fill(0, 0, 64);
    hub.server.repos.get(REPO)!.files.set("model.safetensors", bytes);
    await expect(load()).rejects.toMatchObject({ name: "CheckpointError" });
    await expect(load()).rejects.toMatchObject({ name: "CheckpointError" });
    expect(hub.server.gets("model.safetensors").filter(({ isCdn }) => isCdn)).toHaveLength(1);
  });
});
