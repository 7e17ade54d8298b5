/**
 * A model on a server, as the pipeline reads it: small files whole, large ones by ranges, each of them once. Cached files are not requested
 * again: a later visit needs no network.
 */
import type { CheckpointFile } from "@chinese-clip/model";
import { HubError, MANIFEST_FILE, type PretrainedOptions } from "@chinese-clip/pipeline";
import { type RemoteContext, RemoteFile } from "../cache/remote-file.js";
import { fetchText } from "../cache/remote-text.js";
import type { ByteRange, ByteSink } from "../http/byte-ranges.js";
import type { ExpectedFile } from "../http/expected-file.js";
import { type HostedModel, parseManifest } from "../hub/hosted-model.js";
import type { CachePlace, WebFiles } from "./web-files.js";

/** Weights that are tried, in this order, where a server does not list its files; the first that is there is taken. */
const WEIGHTS: readonly string[] = [
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
];

/** A model on a server. */
export class HostedFiles implements WebFiles {
  readonly #model: HostedModel;
  readonly #context: RemoteContext;
  readonly #onProgress: PretrainedOptions["onProgress"];
  readonly #files: Map<string, Promise<RemoteFile | undefined>> = new Map();
  readonly #texts: Map<string, Promise<string | undefined>> = new Map();
  readonly #missing: Set<string> = new Set();

  constructor(model: HostedModel, context: RemoteContext, { onProgress }: PretrainedOptions) {
    this.#model = model;
    this.#context = context;
    this.#onProgress = onProgress;
  }

  get source(): string {
    return this.#model.source;
  }

  async list(): Promise<readonly string[]> {
    const { only } = this.#model;
    if (only !== undefined) return [only];
    const names = [...(await this.#expected()).keys()].filter((name) => !name.includes("/"));
    if (names.length > 0 || this.#model.files !== undefined) return names;
    for (const name of WEIGHTS) {
      if ((await this.open(name)) !== undefined) return [name];
    }
    return [];
  }

  async readText(name: string): Promise<string | undefined> {
    return this.#text(name);
  }

  async open(name: string): Promise<CheckpointFile | undefined> {
    const file = await this.#open(name);
    if (file === undefined) return undefined;
    return { name, byteLength: file.byteLength, version: file.version, read: (start, end) => file.read(start, end) };
  }

  async readRanges(name: string, ranges: readonly ByteRange[], sink: ByteSink): Promise<void> {
    const file = await this.#open(name);
    if (file === undefined) throw new HubError("not-found", `${this.#model.urlOf(name)}: the file is no longer there`, { file: name });
    this.#report("download", name);
    await this.#withFreshManifest(() =>
      file.readRanges(ranges, sink, (loaded, total) =>
        this.#onProgress?.({
          status: "progress",
          name: this.source,
          file: name,
          progress: total === 0 ? 100 : (100 * loaded) / total,
          loaded,
          total,
        }),
      ),
    );
    this.#report("done", name);
  }

  async placeFor(name: string, sources: readonly string[]): Promise<CachePlace | undefined> {
    const { cache } = this.#context;
    if (cache === undefined) return undefined;
    const files = await Promise.all(sources.map((source) => this.#open(source)));
    // In the model's folder, so that it is cleared with the model, under a name that no request can have.
    return {
      cache,
      url: `${this.#model.urlOf(name)}#converted`,
      version: JSON.stringify(files.map((file) => [file?.url, file?.byteLength, file?.version])),
    };
  }

  async commit(): Promise<void> {
    for (const url of this.#missing) await this.#context.cache?.putFacts(url, { size: undefined, version: undefined });
    this.#missing.clear();
  }

  /** The expected files: a hub's listing, else the folder's manifest. */
  async #expected(): Promise<ReadonlyMap<string, ExpectedFile>> {
    const { files, only } = this.#model;
    return files ?? (only === undefined ? parseManifest(await this.#text(MANIFEST_FILE)) : new Map());
  }

  #open(name: string): Promise<RemoteFile | undefined> {
    return once(this.#files, name, async () => {
      const url = this.#model.urlOf(name);
      if (await this.#isMissing(name)) return undefined;
      this.#report("initiate", name);
      const expected = (await this.#expected()).get(name);
      const file = await this.#withFreshManifest(() => RemoteFile.open(url, this.#context, expected));
      if (file === undefined) this.#missing.add(url);
      return file;
    });
  }

  /** A small file, from the cache or from the server. */
  #text(name: string): Promise<string | undefined> {
    return once(this.#texts, name, async () => {
      const url = this.#model.urlOf(name);
      if (await this.#isMissing(name)) return undefined;
      const expected = name === MANIFEST_FILE ? undefined : this.#expected().then((listed) => listed.get(name));
      expected?.catch(() => undefined);
      const options = { onRequest: () => this.#report("initiate", name), expected };
      const text = await this.#withFreshManifest(() => fetchText(url, this.#context, options));
      if (text === undefined) this.#missing.add(url);
      else this.#report("done", name);
      return text;
    });
  }

  /** A file that differs from the cached manifest may have been replaced together with it: the next load requests the manifest again. */
  async #withFreshManifest<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof HubError && error.code === "integrity") await this.#context.cache?.remove(this.#model.urlOf(MANIFEST_FILE));
      throw error;
    }
  }

  /** Whether a hub's listing, or a folder's manifest, does not have the file, or the server had none at the last visit. */
  async #isMissing(name: string): Promise<boolean> {
    const facts = await this.#context.cache?.facts(this.#model.urlOf(name));
    if (facts !== undefined && facts.size === undefined) return true;
    if (name === MANIFEST_FILE && this.#model.files === undefined) return false;
    const listed = await this.#expected();
    return (this.#model.files !== undefined || listed.size > 0) && !listed.has(name);
  }

  #report(status: "initiate" | "download" | "done", file: string): void {
    this.#onProgress?.({ status, name: this.source, file });
  }
}

/** The promise under a key, made once; one that fails is made again. */
function once<Value>(made: Map<string, Promise<Value>>, key: string, make: () => Promise<Value>): Promise<Value> {
  const known = made.get(key);
  if (known !== undefined) return known;
  const promise = make();
  made.set(key, promise);
  promise.catch(() => made.delete(key));
  return promise;
}
