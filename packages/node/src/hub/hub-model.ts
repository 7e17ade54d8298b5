/**
 * A model of a hub as the pipeline reads it: each file is fetched when it is first asked for, and found in the cache from then on.
 *
 * One moment of the model is settled when it is opened, so that its files fit each other: a commit needs no request where the cache has it;
 * for a branch the hub is asked once, and where it cannot be reached the commit that was last seen is taken, as in Python.
 */
import type { CheckpointFile } from "@chinese-clip/model";
import {
  CONFIG_FILE,
  errorMessage,
  HubError,
  isCheckpointFile,
  type ModelFiles,
  PREPROCESSOR_CONFIG_FILE,
  PROCESSOR_CONFIG_FILE,
  type PretrainedOptions,
  PROBED_FILES,
  TOKENIZER_FILE,
  VOCABULARY_FILE,
} from "@chinese-clip/pipeline";
import { readTextFile } from "../files/disk-file.js";
import { OpenedFiles } from "../files/opened-files.js";
import type { WeightsStamp } from "../files/weights-files.js";
import { contentName, type DamagedBlob, findDamage } from "./blob-hash.js";
import { download } from "./download.js";
import { rm } from "node:fs/promises";
import { FileLock } from "@chinese-clip/pipeline/node";
import { cacheError, HubCache } from "./hub-cache.js";
import { fileSize } from "../files/disk-file.js";
import { checkFileName, isCommit } from "./hub-path.js";
import { type HubClient, sendRequest } from "./hub-request.js";
import { type HubName, type HubSettings, readHubSettings } from "./hub-settings.js";
import { HuggingFace } from "./hugging-face.js";
import { ModelScope } from "./model-scope.js";
import { type Remote, type RemoteFile, type Snapshot } from "./remote.js";
import { ATTEMPTS, isTransient, withRetry } from "./retry.js";

/** How often an endpoint is tried that is not the last one. */
const MIRROR_ATTEMPTS = 2;
/** Bytes of a file whose size nobody states; weights have one. */
const MAX_FILE_BYTES = 256 * 2 ** 20;
/** Progress is reported at most this often. */
const PROGRESS_MS = 100;
/** Configurations and vocabularies up to this size are compared with their hashes whenever they are read: a vocabulary that is cut is a vocabulary. */
const HASHED_BYTES = 16 * 2 ** 20;
/** Models that have the vocabulary which all published models share: releases of cn_clip's files alone, such as RN50's, come without it. */
const VOCABULARY_OWNERS: Readonly<Record<HubName, string>> = {
  "hugging-face": "OFA-Sys/chinese-clip-vit-base-patch16",
  modelscope: "AI-ModelScope/chinese-clip-vit-base-patch16",
};

/** One model of a hub, at one commit. */
export class HubModel implements ModelFiles {
  readonly source: string;
  readonly #hub: HubName;
  readonly #repo: string;
  readonly #options: PretrainedOptions;
  readonly #settings: HubSettings;
  readonly #client: HubClient;
  readonly #cache: HubCache;
  readonly #opened: OpenedFiles;
  /** The endpoint that worked last goes first. */
  #remotes: readonly Remote[];
  #snapshot: Snapshot;
  readonly #fetching = new Map<string, Promise<string | undefined>>();
  /** Paths of the large files that were opened. */
  readonly #read = new Set<string>();

  private constructor(
    source: string,
    [hub, repo, options]: readonly [HubName, string, PretrainedOptions],
    settings: HubSettings,
    client: HubClient,
    cache: HubCache,
    remotes: readonly Remote[],
    snapshot: Snapshot,
  ) {
    this.source = source;
    this.#hub = hub;
    this.#repo = repo;
    this.#options = options;
    this.#settings = settings;
    this.#client = client;
    this.#cache = cache;
    this.#remotes = remotes;
    this.#snapshot = snapshot;
    this.#opened = new OpenedFiles(cache.snapshotPath(snapshot.commit));
  }

  /**
   * Settles which commit of a model is meant.
   *
   * @param repo - `owner/name`.
   * @param source - what the caller named it.
   * @throws HubError - `offline`: no request allowed, and the cache does not know the revision; or as requests do.
   */
  static async open(hub: HubName, repo: string, source: string, options: PretrainedOptions): Promise<HubModel> {
    const settings = await readHubSettings(hub, options);
    const { endpoints, revision, fetch, token, passwords, signal, etagTimeout } = settings;
    const folder = `${hub === "modelscope" ? "modelscope" : "models"}--${repo.replace("/", "--")}`;
    const cache = new HubCache(settings.cacheDir, folder, settings.symlinks);
    const client: HubClient = { fetch, token, passwords, signal, timeout: etagTimeout };
    const remotes = endpoints.map((endpoint) =>
      hub === "modelscope" ? new ModelScope(client, endpoint, repo, revision) : new HuggingFace(client, endpoint, repo),
    );
    const known = (await cache.readRef(revision)) ?? (hub === "hugging-face" && isCommit(revision) ? revision : undefined);
    const cached: Snapshot | undefined = known === undefined ? undefined : { commit: known, names: await cache.readListing(known) };
    const isFilled = cached !== undefined && (await cache.snapshotNames(cached.commit)).length > 0;
    const model = new HubModel(
      source,
      [hub, repo, options],
      settings,
      client,
      cache,
      remotes,
      cached ?? { commit: "unknown", names: undefined },
    );
    if (settings.offline) {
      if (!isFilled) throw model.#offline(`the cache ${cache.path} has no files of revision ${revision}`);
      return model;
    }
    // A commit stays what it is; a branch is looked up.
    if (isCommit(revision) && cached !== undefined && (cached.names !== undefined || (await model.#isComplete()))) return model;
    try {
      const snapshot = await model.#first((remote) => remote.resolve(revision), isFilled ? 1 : ATTEMPTS);
      model.#snapshot = snapshot;
      await cache.writeRef(revision, snapshot.commit);
      if (snapshot.names !== undefined) await cache.writeListing(snapshot.commit, snapshot.names);
    } catch (error) {
      const isReachable = !(error instanceof HubError) || error.code === "not-found";
      if (!isFilled || isReachable) throw error;
    }
    return model;
  }

  get folder(): string {
    return this.#cache.snapshotPath(this.#snapshot.commit);
  }

  /** The cache's blobs, or, without symlinks, the snapshot. */
  folderOf(names: Iterable<string>): string {
    return this.#opened.folderOf(names);
  }

  stampsOf(names: Iterable<string>): Promise<readonly WeightsStamp[]> {
    return this.#opened.stampsOf(names);
  }

  async list(): Promise<readonly string[]> {
    const { commit, names } = this.#snapshot;
    const all =
      names ?? (this.#settings.offline || (await this.#isComplete()) ? await this.#cache.snapshotNames(commit) : await this.#probe());
    return this.#own(all);
  }

  /** The files of the model's folder, by their names in it; those in folders of it are left out. */
  #own(all: readonly string[]): readonly string[] {
    const folder = this.#path("");
    const own = all.flatMap((name) => (name.startsWith(folder) ? [name.slice(folder.length)] : []));
    return own.filter((name) => !name.includes("/"));
  }

  /** A file's name in the repository. */
  #path(name: string): string {
    const { subfolder } = this.#options;
    return subfolder === undefined ? name : `${subfolder.replaceAll("\\", "/")}/${name}`;
  }

  async readText(name: string): Promise<string | undefined> {
    const path = await this.#fetch(this.#path(name));
    if (path !== undefined) {
      const damaged = await findDamage(path, HASHED_BYTES);
      if (damaged !== undefined) {
        await this.#discard(damaged);
        await this.#fetch(this.#path(name));
      }
      return readTextFile(path);
    }
    const isShared =
      name === VOCABULARY_FILE && this.#repo !== VOCABULARY_OWNERS[this.#hub] && (await this.#fetch(this.#path(CONFIG_FILE))) === undefined;
    return isShared ? this.#sharedVocabulary() : undefined;
  }

  async #sharedVocabulary(): Promise<string | undefined> {
    const options = { ...this.#options, revision: undefined, subfolder: undefined };
    const owner = await HubModel.open(this.#hub, VOCABULARY_OWNERS[this.#hub], this.source, options);
    return owner.readText(VOCABULARY_FILE);
  }

  async open(name: string): Promise<CheckpointFile | undefined> {
    const path = await this.#fetch(this.#path(name));
    if (path === undefined) return undefined;
    this.#read.add(path);
    return this.#opened.open(path);
  }

  async discardDamaged(): Promise<boolean> {
    let isAny = false;
    for (const path of this.#read) {
      this.#settings.signal?.throwIfAborted();
      const damaged = await findDamage(path);
      if (damaged === undefined) continue;
      await this.#discard(damaged);
      isAny = true;
    }
    return isAny;
  }

  /** @throws HubError - `integrity`: it could not be fetched again. */
  async #discard({ path, etag, byteLength }: DamagedBlob): Promise<void> {
    if (this.#settings.offline) {
      throw new HubError(
        "integrity",
        `${path}: this file of the cache is damaged: its ${byteLength} bytes do not have the hash that is its name. Load the model once without ` +
          "HF_HUB_OFFLINE and localFilesOnly, which fetches it again",
        { path, expected: etag, byteLength },
      );
    }
    const lock = await FileLock.acquire(this.#cache.lockPath(etag), this.#settings.signal);
    try {
      await rm(path, { force: true });
    } catch (error) {
      throw cacheError(error, path);
    } finally {
      await lock.release();
    }
  }

  /** Whether the cache has all that a model consists of, though nobody listed it: another program put it there. */
  async #isComplete(): Promise<boolean> {
    const names = await this.#cache.snapshotNames(this.#snapshot.commit);
    const has = (...some: readonly string[]): boolean => some.some((name) => names.includes(this.#path(name)));
    return (
      has(CONFIG_FILE) &&
      has(PREPROCESSOR_CONFIG_FILE, PROCESSOR_CONFIG_FILE) &&
      has(VOCABULARY_FILE, TOKENIZER_FILE) &&
      this.#own(names).some(isCheckpointFile)
    );
  }

  /** Asks a server that cannot list its files for each that it may have. */
  async #probe(): Promise<readonly string[]> {
    const { commit } = this.#snapshot;
    const names: string[] = [];
    for (const name of PROBED_FILES.map((probed) => this.#path(probed))) {
      // One by one: a mirror that small should not be asked for all at once.
      if ((await this.#cache.has(commit, name)) || (await this.#locate(name)) !== undefined) names.push(name);
    }
    this.#snapshot = { commit, names };
    await this.#cache.writeListing(commit, names);
    return names;
  }

  /** The path of a file in the cache, which is fetched if it is not there; undefined where the model has no such file. */
  async #fetch(name: string): Promise<string | undefined> {
    checkFileName(name);
    const pending = this.#fetching.get(name) ?? this.#ensure(name);
    this.#fetching.set(name, pending);
    try {
      return await pending;
    } finally {
      this.#fetching.delete(name);
    }
  }

  async #ensure(name: string): Promise<string | undefined> {
    const { commit, names } = this.#snapshot;
    const path = this.#cache.snapshotPath(commit, name);
    const report = (status: "initiate" | "download" | "done"): void =>
      this.#settings.onProgress?.({ status, name: this.source, file: name });
    this.#settings.signal?.throwIfAborted();
    if (await this.#cache.has(commit, name)) {
      report("initiate");
      report("done");
      return path;
    }
    if (names !== undefined && !names.includes(name) && PROBED_FILES.includes(name)) {
      await this.#cache.markMissing(commit, name);
      return undefined;
    }
    if (await this.#cache.isMarkedMissing(commit, name)) return undefined;
    if (this.#settings.offline) {
      if (names?.includes(name) === true) throw this.#offline(`the cache ${this.#cache.path} does not have its ${name}`);
      return undefined;
    }
    if (names === undefined && (await this.#isComplete())) return undefined;
    report("initiate");
    const found = await this.#download(name, () => report("download"));
    if (found) report("done");
    return found ? path : undefined;
  }

  /** @returns false where the model has no such file. */
  async #download(name: string, onStart: () => void): Promise<boolean> {
    const { commit } = this.#snapshot;
    return this.#first(async (remote, attempts) => {
      const file = await withRetry(() => remote.locate(commit, name), { attempts, signal: this.#settings.signal });
      if (file === undefined) {
        await this.#cache.markMissing(commit, name);
        return false;
      }
      try {
        await this.#keep(name, file, attempts, onStart);
      } catch (error) {
        throw cacheError(error, this.#cache.path);
      }
      return true;
    }, undefined);
  }

  async #keep(name: string, file: RemoteFile, attempts: number, onStart: () => void): Promise<void> {
    const { signal } = this.#settings;
    const { commit } = this.#snapshot;
    const content = contentName(file.etag, name);
    const blob = this.#cache.blobPath(content);
    await this.#cache.tag();
    const lock = await FileLock.acquire(this.#cache.lockPath(content), signal);
    try {
      if (await this.#cache.has(commit, name)) return;
      const isNew = (await fileSize(blob)) === undefined;
      if (isNew) {
        onStart();
        await download({
          name,
          url: file.url,
          etag: file.etag,
          size: file.size,
          partial: this.#cache.partialPath(content),
          target: blob,
          request: (headers, ending) => sendRequest(this.#client, { method: "GET", url: file.url, headers, signal: ending }),
          mayFinish: () => lock.isHeld(),
          attempts,
          stallTimeout: this.#settings.downloadTimeout,
          maxBytes: this.#options.limits?.fileBytes ?? MAX_FILE_BYTES,
          signal,
          onBytes: this.#progress(name),
        });
      }
      await this.#cache.link(content, commit, name, isNew);
    } finally {
      await lock.release();
    }
  }

  #locate(name: string): Promise<RemoteFile | undefined> {
    return this.#first((remote) => remote.locate(this.#snapshot.commit, name), ATTEMPTS);
  }

  #progress(file: string): (loaded: number, total: number | undefined) => void {
    let last = -Infinity;
    return (loaded, total) => {
      const now = performance.now();
      if (total === undefined || (loaded < total && now - last < PROGRESS_MS)) return;
      last = now;
      this.#settings.onProgress?.({ status: "progress", name: this.source, file, progress: total === 0 ? 100 : (100 * loaded) / total, loaded, total }); // prettier-ignore
    };
  }

  /**
   * The result of the first endpoint that has one.
   *
   * @param attempts - how often to try each; undefined if the operation itself tries again.
   */
  async #first<Result>(operation: (remote: Remote, attempts: number) => Promise<Result>, attempts: number | undefined): Promise<Result> {
    const errors: unknown[] = [];
    const remotes = this.#remotes;
    for (const [i, remote] of remotes.entries()) {
      const own = Math.min(attempts ?? ATTEMPTS, i < remotes.length - 1 ? MIRROR_ATTEMPTS : ATTEMPTS);
      try {
        const result = await (attempts === undefined
          ? operation(remote, own)
          : withRetry(() => operation(remote, own), { attempts: own, signal: this.#settings.signal }));
        this.#remotes = [remote, ...remotes.filter((other) => other !== remote)];
        return result;
      } catch (error) {
        const another = error instanceof HubError && !["offline", "disk", "cache"].includes(error.code);
        if (this.#settings.signal?.aborted === true || !another) throw error;
        errors.push(error);
      }
    }
    const [first] = errors;
    if (errors.length === 1 || !(first instanceof HubError)) throw first;
    // What the last one says is no better than what the first one says; a lasting reason says more than a passing one.
    const telling = errors.find((error): error is HubError => error instanceof HubError && !isTransient(error)) ?? first;
    throw new HubError(telling.code, errors.map((error) => errorMessage(error)).join("\n"), {
      errors,
    });
  }

  #offline(why: string): HubError {
    return new HubError(
      "offline",
      `${this.source}: ${why}, and no request is allowed. Load it once without HF_HUB_OFFLINE and localFilesOnly, or set HF_HUB_CACHE or the ` +
        "cacheDir option to the cache that has it",
      { source: this.source, revision: this.#settings.revision, path: this.#cache.path },
    );
  }
}
