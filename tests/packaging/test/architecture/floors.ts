/** Who stands on whom: the tables of ARCHITECTURE.md that `arrows.test.ts` holds the sources to. A new package or folder is one name here. */
import type { Floors } from "./arrows.js";

/** The packages, the ground floor first: a package imports from the floors below its own only, and knows nothing of its neighbours. */
export const PACKAGE_FLOORS: readonly (readonly string[])[] = [
  ["tokenizer", "image-processor", "model"],
  ["pipeline"],
  ["search"],
  ["dataset"],
  ["evaluation"],
  ["training"],
  ["node", "web", "server", "queue"],
  ["cli"],
];

/** The only packages that may import a runtime. */
export const RUNTIMES: Readonly<Record<string, string>> = { "onnxruntime-node": "node", "onnxruntime-web": "web" };

/** Each package's files and folders, the ground floor first; `"*"` is every file that is named nowhere, `index.ts` among them. */
export const FLOORS: Readonly<Record<string, Floors>> = {
  tokenizer: [["*"]],
  "image-processor": [["*"]],
  model: [["checkpoint-error.ts", "tower-outputs.ts"], ["weights"], ["config"], ["onnx"], ["graph"], ["quantize"], ["towers"], ["*"]],
  pipeline: [
    ["error-message.ts", "without-secrets.ts", "show-value.ts", "check-options.ts", "hub-error.ts", "inference-error.ts", "vectors"],
    ["platform.ts", "threads", "node"],
    ["loading", "embedding"],
    ["processor.ts", "zero-shot", "classifier"],
    ["*"],
  ],
  search: [
    ["search-error.ts", "kind-of.ts"],
    ["top-k", "npy", "query"],
    ["gallery", "store"],
    ["duplicates", "sharded"],
    ["conformance", "*"],
    ["node", "pgvector", "remote"],
  ],
  node: [["worker", "files"], ["hub"], ["sources"], ["image", "session", "conversion-cache"], ["node-platform.ts"], ["export"], ["*"]],
  web: [["worker"], ["http"], ["cache"], ["hub"], ["sources"], ["image", "session"], ["*"]],
  dataset: [
    ["dataset-error.ts"],
    ["files"],
    ["cn-clip"],
    ["formats", "images"],
    ["bytes"],
    ["store"],
    ["tar", "parquet"],
    ["sources"],
    ["output"],
    ["shards"],
    ["sync"],
    ["image-index"],
    ["placement", "load"],
    ["*"],
  ],
  queue: [["queue-error.ts"], ["queue"], ["jobs", "shards"], ["worker", "audit"], ["metrics"], ["*"]],
  evaluation: [["evaluation-error.ts"], ["unreadable-images.ts"], ["python"], ["cn-clip"], ["elevater"], ["node"], ["*"]],
  server: [["server-error.ts", "limits.ts"], ["options.ts"], ["admission"], ["input"], ["services"], ["routes"], ["*"], ["node", "page"]],
  training: [
    ["training-error.ts", "data"],
    ["gradient"],
    ["loss"],
    ["graphs"],
    ["optimizer"],
    ["segments"],
    ["engine"],
    ["memory"],
    ["few-shot"],
    ["node"],
    ["*"],
  ],
  cli: [
    ["translation", "terminal"],
    ["option.ts"],
    ["command.ts"],
    ["input", "inspection", "diagnosis", "reports"],
    ["*"],
    ["commands"],
    ["commands.ts"],
    ["command-line.ts"],
    ["main.ts"],
  ],
};

/** Packages that are being rebuilt: nothing is asserted of them yet. */
export const UNFINISHED: readonly string[] = [];

/** Folders below the root whose code uses the packages as anybody would: by their published names alone. */
export const OUTSIDE: readonly string[] = ["bench", "examples", "tools"];
