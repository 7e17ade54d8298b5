/**
 * What `torch.save` puts into a pickle: tensors as calls of `torch._utils._rebuild_tensor_v2` over storages that lie outside of it
 * (`torch/_utils.py`, `torch/serialization.py`). The calls make descriptions here; no storage is read.
 */
import { CheckpointError, malformed, quote } from "../checkpoint-error.js";
import type { CheckpointFile } from "./byte-source.js";
import { readPickle } from "./pickle.js";
import { PickleGlobal, PickleOpaque } from "./pickle-values.js";
import type { WeightDtype } from "./tensor-reference.js";

/**
 * 25 times the largest known, ViT-H-14's with the optimizer's state of all 783 parameters; what a pickle makes in memory is at most some
 * 40 times its length.
 */
export const MAX_PICKLE_BYTES: number = 8 * 1024 * 1024;

/** A row of numbers outside of the pickle. */
export interface TorchStorage {
  /** The storage's name in the file. */
  readonly key: string;
  /** The dtype of its elements by safetensors' name, or torch's name of a type that no weight has, such as `ComplexFloatStorage`. */
  readonly dtype: WeightDtype | `${string}Storage`;
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

/** Types of storages, the bytes of an element, and its dtype where a weight may have it. */
const STORAGES: readonly (readonly [type: string, bytes: number, dtype?: WeightDtype])[] = [
  ["FloatStorage", 4, "F32"],
  ["HalfStorage", 2, "F16"],
  ["BFloat16Storage", 2, "BF16"],
  ["DoubleStorage", 8, "F64"],
  ["LongStorage", 8, "I64"],
  ["IntStorage", 4, "I32"],
  ["ShortStorage", 2, "I16"],
  ["CharStorage", 1, "I8"],
  ["ByteStorage", 1, "U8"],
  ["BoolStorage", 1, "BOOL"],
  ["ComplexFloatStorage", 8],
  ["ComplexDoubleStorage", 16],
  ["QInt8Storage", 1],
  ["QUInt8Storage", 1],
  ["QInt32Storage", 4],
  ["QUInt4x2Storage", 1],
  ["QUInt2x4Storage", 1],
];
/** Constants that settings beside the weights may mention. */
const DTYPES = ["float32", "float16", "bfloat16", "float64", "int64", "int32", "int16", "int8", "uint8", "bool"] as const;

/** Reads the pickles of one file, and keeps note of the storages they mention. */
export class TorchPickleReader {
  /** Key -> storage. */
  readonly storages: Map<string, TorchStorage> = new Map();
  readonly #file: CheckpointFile;
  readonly #globals: ReadonlyMap<string, PickleGlobal>;
  readonly #types: ReadonlyMap<unknown, { readonly dtype: TorchStorage["dtype"]; readonly bytes: number }>;

  constructor(file: CheckpointFile) {
    this.#file = file;
    const storages = STORAGES.map(([name, bytes, dtype]): [PickleGlobal, { dtype: TorchStorage["dtype"]; bytes: number }] => [
      new PickleGlobal(`torch.${name}`),
      { dtype: dtype ?? (name as TorchStorage["dtype"]), bytes },
    ]);
    const untyped = new PickleGlobal("torch.storage.UntypedStorage");
    storages.push([untyped, { dtype: "UntypedStorage", bytes: 1 }]);
    const tensor = (args: readonly unknown[]): TorchTensor => this.#tensor(args);
    const rebuild = new PickleGlobal("torch._utils._rebuild_tensor_v2", tensor);
    const globals = [
      ...storages.map(([storage]) => storage),
      ...DTYPES.map((name) => new PickleGlobal(`torch.${name}`)),
      new PickleGlobal("torch._utils._rebuild_tensor", tensor),
      rebuild,
      // A tensor's subclass: how the tensor is made, its class, and what it is made of.
      new PickleGlobal("torch._tensor._rebuild_from_type_v2", ([how, , parts]) =>
        how === rebuild && Array.isArray(parts) ? tensor(parts) : new PickleOpaque("torch._tensor._rebuild_from_type_v2"),
      ),
      new PickleGlobal("torch._utils._rebuild_parameter", ([data]) => data),
      new PickleGlobal("torch._utils._rebuild_parameter_with_state", ([data]) => data),
      new PickleGlobal("torch.Size", ([sizes]) => sizes),
      new PickleGlobal("torch.device", () => null), // where a tensor was when it was saved
      new PickleGlobal("collections.OrderedDict", (args) => (args.length === 0 ? new Map() : this.#fail("expected an empty OrderedDict"))),
    ];
    this.#globals = new Map(globals.map((global) => [global.name, global]));
    this.#types = new Map(storages);
  }

  /**
   * Reads one pickle; see {@link readPickle}.
   *
   * @throws {@link CheckpointError} `malformed`.
   */
  read(bytes: Uint8Array, start: number): { value: unknown; end: number } | undefined {
    return readPickle(bytes, start, { file: this.#file.name, globals: this.#globals, persistent: (id) => this.#storage(id) });
  }

  /** `("storage", type, key, location, numel)`; the legacy format's has a view's place as a sixth, None in every torch since 0.4. */
  #storage(id: unknown): TorchStorage {
    const [kind, type, key, , numel, view = null]: unknown[] = Array.isArray(id) ? id : [];
    const stored = this.#types.get(type);
    if (kind !== "storage" || stored === undefined || typeof key !== "string" || view !== null)
      this.#fail("expected a persistent id to be a storage of numbers");
    const { dtype, bytes } = stored;
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

/** The error for a pickle that has something else in the place of tensors. */
export function forbidden({ name: file }: CheckpointFile, { name }: PickleOpaque, what = "a pickle of tensors"): CheckpointError {
  return new CheckpointError(
    "forbidden-global",
    `${file}: expected ${what}, but it asks for ${name}, which weights do not need; nothing was called. Save model.state_dict() instead`,
    { file, global: name },
  );
}

/** Only a persistent id makes a plain object; every other value of a pickle is an array, a Map or an instance of something. */
function isStorage(value: unknown): value is TorchStorage {
  return typeof value === "object" && value !== null && "numel" in value && "byteLength" in value;
}

/** Whether a value from a pickle is an integer of at least zero. */
export function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
