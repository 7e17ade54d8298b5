/**
 * A model on a server, as the pipeline reads it: small files whole, large ones by ranges, all of them once. What is kept is not asked for
 * again, so that a page that was there before needs no network.
 */
import type { CheckpointFile } from "@chinese-clip/model";
import { HubError, type PretrainedOptions } from "@chinese-clip/pipeline";
import type { ByteRange } from "./byte-ranges.js";
import { type ByteSink, type RemoteContext, RemoteFile } from "./remote-file.js";
import { fetchText } from "./remote-text.js";
import type { WebFiles } from "./web-files.js";

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
  /** Its files, where they are known. */
  readonly names: readonly string[] | undefined;
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
    const { names, only } = this.#model;
    if (only !== undefined) return [only];
    if (names !== undefined) return names.filter((name) => !name.includes("/"));
    const listed = listedNames(await this.#text(MANIFEST));
    if (listed.length > 0) return listed;
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
    await file.deliver(ranges, sink, (loaded, total) =>
      this.#onProgress?.({
        status: "progress",
        name: this.source,
        file: name,
        progress: total === 0 ? 100 : (100 * loaded) / total,
        loaded,
        total,
      }),
    );
    this.#report("done", name);
  }

  async settle(): Promise<void> {
    for (const url of this.#missing) await this.#context.kept?.keepFacts(url, { size: undefined, version: undefined });
    this.#missing.clear();
  }

  #open(name: string): Promise<RemoteFile | undefined> {
    return once(this.#files, name, async () => {
      const { names } = this.#model;
      const url = this.#model.urlOf(name);
      if (names !== undefined && !names.includes(name)) return undefined;
      if (await this.#isKnownMissing(url)) return undefined;
      this.#report("initiate", name);
      const file = await RemoteFile.open(url, this.#context);
      if (file === undefined) this.#missing.add(url);
      return file;
    });
  }

  /** A small file, from what is kept or from the server. */
  #text(name: string): Promise<string | undefined> {
    return once(this.#texts, name, async () => {
      const { names, urlOf } = this.#model;
      if (names !== undefined && !names.includes(name)) return undefined;
      const url = urlOf(name);
      if (await this.#isKnownMissing(url)) return undefined;
      const text = await fetchText(url, this.#context, { onRequest: () => this.#report("initiate", name) });
      if (text === undefined) this.#missing.add(url);
      else this.#report("done", name);
      return text;
    });
  }

  async #isKnownMissing(url: string): Promise<boolean> {
    const facts = await this.#context.kept?.facts(url);
    return facts !== undefined && facts.size === undefined;
  }

  #report(status: "initiate" | "download" | "done", file: string): void {
    this.#onProgress?.({ status, name: this.source, file });
  }
}

/** The names in a manifest; none where there is no manifest, or something else under its name. */
function listedNames(text: string | undefined): readonly string[] {
  try {
    const json: unknown = JSON.parse(text ?? "");
    if (typeof json !== "object" || json === null || !("files" in json) || !Array.isArray(json.files)) return [];
    return json.files.flatMap((file: unknown) =>
      typeof file === "object" && file !== null && "name" in file && typeof file.name === "string" ? [file.name] : [],
    );
  } catch {
    return [];
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
