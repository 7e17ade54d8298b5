/**
 * What `torch.save` puts into a pickle: tensors as calls of `torch._utils._rebuild_tensor_v2` over storages that lie outside of it
 * (`torch/_utils.py`, `torch/serialization.py`). The calls make descriptions here; no storage is read.
 */
import { malformed, quote } from "../checkpoint-error.js";
import type { CheckpointFile } from "./byte-source.js";
import { PickleGlobal, readPickle } from "./pickle.js";
import { BYTES_PER_ELEMENT, type WeightDtype } from "./tensor-reference.js";

/**
 * 25 times the largest known, ViT-H-14's with the optimizer's state of all 783 parameters; what a pickle makes in memory is at most some
 * 40 times its length.
 */
export const MAX_PICKLE_BYTES: number = 8 * 1024 * 1024;

/** A row of numbers outside of the pickle. */
export interface TorchStorage {
  /** The storage's name in the file. */
  readonly key: string;
  readonly dtype: WeightDtype;
  /** Number of elements. */
  readonly numel: number;
  /** Number of bytes. */
  readonly byteLength: number;
}

/** A tensor as its pickle describes it; nothing but the storage has been checked. */
export class TorchTensor {
  readonly storage: TorchStorage;
  /** The first element's place in the storage. */
  readonly offset: unknown;
  readonly size: unknown;
  /** Elements from one index to the next, for each axis. */
  readonly stride: unknown;

  constructor(storage: TorchStorage, [offset, size, stride]: readonly unknown[]) {
    this.storage = storage;
    this.offset = offset;
    this.size = size;
    this.stride = stride;
  }
}

/** A torch file's pickle, and where the storages that it mentions are. */
export interface TorchFile {
  /** The object that was saved. */
  readonly root: unknown;
  /** Finds a storage's first byte. May read and check what the file says in front of it; never reads the storage itself. */
  locate(storage: TorchStorage): Promise<number>;
}

const STORAGES: readonly (readonly [string, WeightDtype])[] = [
  ["Float", "F32"],
  ["Half", "F16"],
  ["BFloat16", "BF16"],
  ["Double", "F64"],
  ["Long", "I64"],
  ["Int", "I32"],
  ["Short", "I16"],
  ["Char", "I8"],
  ["Byte", "U8"],
  ["Bool", "BOOL"],
];
/** Constants that settings beside the weights may mention. */
const DTYPES = ["float32", "float16", "bfloat16", "float64", "int64", "int32", "int16", "int8", "uint8", "bool"] as const;

/** Reads the pickles of one file, and keeps note of the storages they mention. */
export class TorchPickleReader {
  /** Key -> storage. */
  readonly storages: Map<string, TorchStorage> = new Map();
  readonly #file: CheckpointFile;
  readonly #globals: ReadonlyMap<string, PickleGlobal>;
  readonly #dtypes: ReadonlyMap<unknown, WeightDtype>;

  constructor(file: CheckpointFile) {
    this.#file = file;
    const storages = STORAGES.map(([name, dtype]) => [new PickleGlobal(`torch.${name}Storage`), dtype] as const);
    const tensor = (args: readonly unknown[]): TorchTensor => this.#tensor(args);
    const globals = [
      ...storages.map(([storage]) => storage),
      ...DTYPES.map((name) => new PickleGlobal(`torch.${name}`)),
      new PickleGlobal("torch._utils._rebuild_tensor", tensor),
      new PickleGlobal("torch._utils._rebuild_tensor_v2", tensor),
      new PickleGlobal("torch._utils._rebuild_parameter", ([data]) => data),
      new PickleGlobal("torch.Size", ([sizes]) => sizes),
      new PickleGlobal("torch.device", () => null), // where a tensor was when it was saved
      new PickleGlobal("collections.OrderedDict", (args) => (args.length === 0 ? new Map() : this.#fail("expected an empty OrderedDict"))),
    ];
    this.#globals = new Map(globals.map((global) => [global.name, global]));
    this.#dtypes = new Map(storages);
  }

  /**
   * Reads one pickle; see {@link readPickle}.
   *
   * @throws {@link CheckpointError} `forbidden-global` or `malformed`.
   */
  read(bytes: Uint8Array, start: number): { value: unknown; end: number } | undefined {
    return readPickle(bytes, start, { file: this.#file.name, globals: this.#globals, persistent: (id) => this.#storage(id) });
  }

  /** `("storage", type, key, location, numel)`; the legacy format's has a view's place as a sixth, None in every torch since 0.4. */
  #storage(id: unknown): TorchStorage {
    const [kind, type, key, , numel, view = null]: unknown[] = Array.isArray(id) ? id : [];
    const dtype = this.#dtypes.get(type);
    if (kind !== "storage" || dtype === undefined || typeof key !== "string" || view !== null)
      this.#fail("expected a persistent id to be a storage of numbers");
    const bytes = BYTES_PER_ELEMENT.get(dtype)?.bytes ?? 0;
    if (!isSize(numel) || numel * bytes > this.#file.byteLength)
      this.#fail(`storage ${quote(key)}: expected its elements to fit into the file's ${this.#file.byteLength} bytes`);
    const known = this.storages.get(key);
    if (known === undefined) {
      const storage = { key, dtype, numel, byteLength: numel * bytes };
      this.storages.set(key, storage);
      return storage;
    }
    if (known.dtype !== dtype || known.numel !== numel) this.#fail(`storage ${quote(key)}: expected one type and size, got two`);
    return known;
  }

  #tensor([storage, ...place]: readonly unknown[]): TorchTensor {
    if (!isStorage(storage)) this.#fail("expected a tensor over a storage");
    return new TorchTensor(storage, place);
  }

  #fail(message: string): never {
    malformed(this.#file, `pickle: ${message}`);
  }
}

/** Only a persistent id makes a plain object; every other value of a pickle is an array, a Map or an instance of something. */
function isStorage(value: unknown): value is TorchStorage {
  return typeof value === "object" && value !== null && "numel" in value && "byteLength" in value;
}

/** Whether a value from a pickle is a whole number of at least zero. */
export function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
