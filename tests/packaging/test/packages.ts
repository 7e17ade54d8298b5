/**
 * The published packages and what each may depend on: the table that the tests here hold the house to. An arrow of the design that is not
 * in it is a mistake, and so is an entry that nothing uses.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root folder. */
export const root: string = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

const TENSOR = "`Tensor`, the type that every runtime takes and gives; without a dependency of its own";
const COMPOSED = "composes it";
const REEXPORTED = "its public names are exported again under this package's";

/** A package's rules: whether it may name Node or a browser, and its runtime dependencies, each with the reason for it. */
export interface PackageRule {
  /** Whether it may run anywhere; its folder `src/node`, where it has one, is for Node. */
  readonly platformFree: boolean;
  /** Whether it may also use the requests and answers of the Fetch standard, which servers of every kind have. */
  readonly fetchStandard?: boolean;
  /** Its name, where that is not the folder's in the scope. */
  readonly name?: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  /** Entries beside the main one, each with the reason for it. */
  readonly subpaths?: Readonly<Record<string, string>>;
}

/** Folder below `packages/` to its rules, in the order in which arrows may point: to rows above only. */
export const PACKAGES: Readonly<Record<string, PackageRule>> = {
  tokenizer: { platformFree: true, dependencies: { "onnxruntime-common": TENSOR } },
  "image-processor": { platformFree: true, dependencies: { "onnxruntime-common": TENSOR } },
  model: {
    platformFree: true,
    dependencies: { "onnxruntime-common": TENSOR },
    subpaths: {
      graph: "graphs under construction, for packages that build on the towers' graphs",
      onnx: "ONNX files in and out, which most programs never need",
      quantize: "conversion to other dtypes",
      torch: "what a file by torch.save holds, for programs that look before they load",
    },
  },
  pipeline: {
    platformFree: true,
    dependencies: {
      "@chinese-clip/image-processor": COMPOSED,
      "@chinese-clip/model": COMPOSED,
      "@chinese-clip/tokenizer": COMPOSED,
      "onnxruntime-common": TENSOR,
    },
    subpaths: {
      classifier: "few-shot classifiers, which most pages do not load",
      node: "locks and files that appear whole, for every package that writes under Node",
      vectors: "arithmetic that search needs without the model",
      "zero-shot": "templates and labels, which most pages do not load",
    },
  },
  search: {
    platformFree: true,
    dependencies: { "@chinese-clip/pipeline": "the arithmetic of vectors, which classification needs too" },
    peerDependencies: {
      pg: "optional: PostgreSQL, for those who store vectors there",
      "pg-copy-streams": "optional: COPY, for large loads into PostgreSQL",
    },
    subpaths: {
      conformance: "what every vector store must do, for any test framework",
      node: "files on the disk",
      pgvector: "PostgreSQL, for those who have one",
      remote: "a server's indexes and its model, for programs that call one",
    },
  },
  dataset: {
    platformFree: false,
    dependencies: {
      "@chinese-clip/pipeline": "files that appear whole",
      "@chinese-clip/search": "the head of .npy files, and the lock of what one process writes",
      fzstd: "Parquet compressed with Zstandard, which Node 20 does not have",
      hyparquet: "reads Parquet; without a dependency of its own",
      "hyparquet-writer": "writes metadata as Parquet",
    },
    peerDependencies: { "@aws-sdk/client-s3": "optional: sources and outputs in S3 and what speaks its protocol" },
    subpaths: { formats: "the lines of cn_clip's files, for any platform" },
  },
  evaluation: {
    platformFree: true,
    dependencies: {
      "@chinese-clip/dataset": "the lines of cn_clip's files; files and folders for its entry for Node",
      "@chinese-clip/model": "the configuration that parameters are counted from",
      "@chinese-clip/pipeline": "the arithmetic of vectors",
      "@chinese-clip/search": "the best few of a stream of scores",
      "@chinese-clip/tokenizer": "cn_clip's preparation of texts for evaluation",
    },
    subpaths: { node: "from files to files" },
  },
  training: {
    platformFree: true,
    dependencies: {
      "@chinese-clip/dataset": "the errors of data sets; files, folders and locks for its entry for Node",
      "@chinese-clip/evaluation": "retrieval on the validation pairs",
      "@chinese-clip/model": "the graphs that it differentiates",
      "@chinese-clip/pipeline": "loads the model and its processor, and commits files, for its entry for Node",
      "@chinese-clip/tokenizer": "texts to ids, prepared as cn_clip trains",
      "onnxruntime-common": TENSOR,
    },
    subpaths: {
      "few-shot": "classifiers of a few images, for pages that train no model",
      node: "runs from files to files",
    },
  },
  node: {
    platformFree: false,
    dependencies: {
      "@chinese-clip/image-processor": REEXPORTED,
      "@chinese-clip/model": REEXPORTED,
      "@chinese-clip/pipeline": "binds its Platform to Node",
      "@chinese-clip/search": REEXPORTED,
      "@chinese-clip/tokenizer": REEXPORTED,
      "onnxruntime-common": TENSOR,
      "onnxruntime-node": "the runtime: loads and runs the graphs",
      undici: "requests through a proxy: Node's own fetch knows no proxy variables before Node 24",
      sharp: "decodes JPEG, PNG, WebP and what else a browser shows; Node has no decoder",
    },
    peerDependencies: { "heic-decode": "HEIC, whose decoder is LGPL and 8 MB: for those who install it" },
  },
  server: {
    platformFree: true,
    fetchStandard: true,
    dependencies: {
      "@chinese-clip/pipeline": "the arithmetic of zero-shot classification, and what an embedder is",
      "@chinese-clip/search": "stores, queries and filters",
      "@hono/node-server": "requests and answers of the Fetch standard on Node's server; in its entry for Node",
      "@hono/zod-openapi": "the description of the routes",
      hono: "finds the route of a request",
      "prom-client": "metrics; in its entry for Node",
      zod: "checks bodies; the description is made of the same schemas",
    },
    subpaths: {
      node: "listens on a port, and counts for Prometheus",
      page: "the search page, which a server of embeddings alone does not load",
    },
  },
  queue: {
    platformFree: false,
    dependencies: {
      "@chinese-clip/dataset": "manifests, shards and their files",
      "@chinese-clip/pipeline": "messages without passwords",
      "@chinese-clip/search": "the head of .npy files, for an audit",
      bullmq: "jobs, retries and stalled workers, on Redis or PostgreSQL",
      ioredis: "BullMQ's client of Redis and Valkey, which it leaves to its users to install",
      "prom-client": "metrics of a worker",
    },
    peerDependencies: { pg: "optional: PostgreSQL, for those who queue there" },
  },
  cli: {
    platformFree: false,
    name: "chinese-clip", // what `npx chinese-clip` looks for
    dependencies: {
      "@chinese-clip/dataset": "finds images and texts, and writes features",
      "@chinese-clip/evaluation": "cn_clip's and ELEVATER's protocols",
      "@chinese-clip/model": "the graphs that a checkpoint is inspected with",
      "@chinese-clip/node": "loads models and embeds",
      "@chinese-clip/pipeline": "finds a model's weights, configuration and processor among its files, to report on each alone",
      "@chinese-clip/search": "queries, and search in files of features",
      "@chinese-clip/server": "the server of serve, loaded by that command alone",
      "@chinese-clip/tokenizer": "cn_clip's preparation of texts for evaluation",
      "@chinese-clip/training": "fine-tuning",
    },
    peerDependencies: { "@chinese-clip/queue": "optional: BullMQ and its clients, for those who embed on many machines" },
  },
  web: {
    platformFree: false,
    dependencies: {
      "@chinese-clip/image-processor": REEXPORTED,
      "@chinese-clip/model": REEXPORTED,
      "@chinese-clip/pipeline": "binds its Platform to browsers",
      "@chinese-clip/search": REEXPORTED,
      "@chinese-clip/tokenizer": REEXPORTED,
      "@noble/hashes": "sha256 in pieces, which browsers do not have; loaded when there is a hash to compare",
      "onnxruntime-common": TENSOR,
    },
    peerDependencies: {
      "onnxruntime-web": "the runtime; the page's own, since its `.wasm` file has to be served and be of the same version",
    },
  },
};

/** The parts of a package's manifest that the tests read. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly keywords: readonly string[];
  readonly license: string;
  readonly type?: string;
  readonly sideEffects?: boolean | readonly string[];
  readonly files?: readonly string[];
  readonly engines?: Readonly<Record<string, string>>;
  readonly exports?: unknown;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** A package's folder. */
export function folderOf(packageFolder: string): string {
  return join(root, "packages", packageFolder);
}

/** A package's manifest. */
export function manifestOf(packageFolder: string): Manifest {
  return JSON.parse(readFileSync(join(folderOf(packageFolder), "package.json"), "utf8")) as Manifest;
}

/** Every folder below `packages/`, listed above or not. */
export function packageFolders(): string[] {
  return readdirSync(join(root, "packages"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, "packages", entry.name, "package.json")))
    .map((entry) => entry.name);
}

/** A package's source files, as absolute paths. */
export function sourceFilesOf(packageFolder: string): string[] {
  const source = join(folderOf(packageFolder), "src");
  return readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(source, name));
}

/** Whether a source file is of a platform-free package's part for Node. */
export function isNodePart(packageFolder: string, file: string): boolean {
  return file.startsWith(join(folderOf(packageFolder), "src", "node", "/"));
}
