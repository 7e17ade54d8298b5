/**
 * A model on a server, as the pipeline reads it: small files whole, large ones by ranges, all of them once. What is kept is not asked for
 * again, so that a page that was there before needs no network.
 */
import type { CheckpointFile } from "@chinese-clip/model";
import { HubError, type PretrainedOptions } from "@chinese-clip/pipeline";
import type { ByteRange } from "./byte-ranges.js";
import { type FileClaim, parseClaim } from "./file-claim.js";
import { type ByteSink, type RemoteContext, RemoteFile } from "./remote-file.js";
import { fetchText } from "./remote-text.js";
import type { KeptPlace, WebFiles } from "./web-files.js";

/** Weights that are looked for where a server does not list its files, by the pipeline's preference; the first one that is there will do. */
const WEIGHTS: readonly string[] = [
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
];

/** Lists the files of a folder that `exportWeb` of `@chinese-clip/node` wrote. */
const MANIFEST = "chinese-clip.json";

/** Where a model is. */
export interface HostedModel {
  /** What the caller calls it. */
  readonly source: string;
  /** The address of a file of it. */
  readonly urlOf: (name: string) => string;
  /** Its files and what is said of them, where they are known. */
  readonly files: ReadonlyMap<string, FileClaim> | undefined;
  /** The one weights file that the source named. */
  readonly only: string | undefined;
}

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
    const names = [...(await this.#claims()).keys()].filter((name) => !name.includes("/"));
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
    return file === undefined ? undefined : { name, byteLength: file.byteLength, read: (start, end) => file.read(start, end) };
  }

  async deliver(name: string, ranges: readonly ByteRange[], sink: ByteSink): Promise<void> {
    const file = await this.#open(name);
    if (file === undefined) throw new HubError("not-found", `${this.#model.urlOf(name)}: the file is no longer there`, { file: name });
    this.#report("download", name);
    await this.#withFreshManifest(() =>
      file.deliver(ranges, sink, (loaded, total) =>
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

  async placeFor(name: string, sources: readonly string[]): Promise<KeptPlace | undefined> {
    const { kept } = this.#context;
    if (kept === undefined) return undefined;
    const files = await Promise.all(sources.map((source) => this.#open(source)));
    // In the model's folder, so that it is cleared with the model, under a name that no request can have.
    return {
      kept,
      url: `${this.#model.urlOf(name)}#converted`,
      version: JSON.stringify(files.map((file) => [file?.url, file?.byteLength, file?.version])),
    };
  }

  async settle(): Promise<void> {
    for (const url of this.#missing) await this.#context.kept?.keepFacts(url, { size: undefined, version: undefined });
    this.#missing.clear();
  }

  /** What is said of the model's files: by a hub, else by the folder's manifest. */
  async #claims(): Promise<ReadonlyMap<string, FileClaim>> {
    const { files, only } = this.#model;
    return files ?? (only === undefined ? parseManifest(await this.#text(MANIFEST)) : new Map());
  }

  #open(name: string): Promise<RemoteFile | undefined> {
    return once(this.#files, name, async () => {
      const { files, urlOf } = this.#model;
      const url = urlOf(name);
      if (files?.has(name) === false || (await this.#isKnownMissing(url))) return undefined;
      this.#report("initiate", name);
      const claim = (await this.#claims()).get(name);
      const file = await this.#withFreshManifest(() => RemoteFile.open(url, this.#context, claim));
      if (file === undefined) this.#missing.add(url);
      return file;
    });
  }

  /** A small file, from what is kept or from the server. */
  #text(name: string): Promise<string | undefined> {
    return once(this.#texts, name, async () => {
      const { files, urlOf } = this.#model;
      const url = urlOf(name);
      if (files?.has(name) === false || (await this.#isKnownMissing(url))) return undefined;
      // Asked for together: a server of many small models is a round trip away.
      const claim = name === MANIFEST ? undefined : this.#claims().then((claims) => claims.get(name));
      claim?.catch(() => undefined);
      const options = { onRequest: () => this.#report("initiate", name), claim };
      const text = await this.#withFreshManifest(() => fetchText(url, this.#context, options));
      if (text === undefined) this.#missing.add(url);
      else this.#report("done", name);
      return text;
    });
  }

  /** A file that is not what the kept manifest says may have been replaced together with the manifest: the next load asks for that anew. */
  async #withFreshManifest<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof HubError && error.code === "integrity") await this.#context.kept?.forget(this.#model.urlOf(MANIFEST));
      throw error;
    }
  }

  async #isKnownMissing(url: string): Promise<boolean> {
    const facts = await this.#context.kept?.facts(url);
    return facts !== undefined && facts.size === undefined;
  }

  #report(status: "initiate" | "download" | "done", file: string): void {
    this.#onProgress?.({ status, name: this.source, file });
  }
}

/** What a manifest says; nothing where there is no manifest, or something else under its name. */
function parseManifest(text: string | undefined): ReadonlyMap<string, FileClaim> {
  const claims = new Map<string, FileClaim>();
  try {
    const json: unknown = JSON.parse(text ?? "");
    const files: unknown = typeof json === "object" && json !== null && "files" in json ? json.files : undefined;
    for (const file of Array.isArray(files) ? files : []) {
      const { name, bytes, sha256 } = (typeof file === "object" && file !== null ? file : {}) as Record<string, unknown>;
      if (typeof name === "string") claims.set(name, parseClaim(bytes, sha256));
    }
  } catch {
    // No manifest.
  }
  return claims;
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
