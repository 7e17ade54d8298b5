/**
 * The format of `torch.save` before 1.6 (`torch/serialization.py`, `_legacy_save`): five pickles one after the other (magic number, version,
 * machine, object, names of storages), then the storages in the order of their names, each after its number of elements.
 */
import { malformed, quote } from "../checkpoint-error.js";
import type { CheckpointFile } from "./byte-source.js";
import { PickleOpaque } from "./pickle-values.js";
import { forbidden, MAX_PICKLE_BYTES, type TorchFile, TorchPickleReader } from "./torch-pickle.js";

const MAGIC = 0x1950a86a20f9469cfc6cn;
const VERSION = 1001;
/** Holds the pickles of most models; where they do not end in it, they are read again, twice as far. */
const FIRST_READ_BYTES = 64 * 1024;
/** A storage's number of elements is a 64-bit integer. */
const COUNT_BYTES = 8;

/**
 * Opens such a file. Reads the pickles.
 *
 * @throws {@link CheckpointError} `malformed` or `forbidden-global`.
 */
export async function openTorchLegacy(file: CheckpointFile): Promise<TorchFile> {
  const available = Math.min(file.byteLength, MAX_PICKLE_BYTES);
  for (let length = FIRST_READ_BYTES; ; length *= 2) {
    const opened = openPickles(file, await file.read(0, Math.min(length, available)));
    if (opened !== undefined) return opened;
    if (length >= available)
      malformed(file, `expected the pickles to end within ${available} bytes; the file is cut short, or not torch's`);
  }
}

function openPickles(file: CheckpointFile, bytes: Uint8Array): TorchFile | undefined {
  const reader = new TorchPickleReader(file);
  let end = 0;
  const next = (): unknown => {
    const parsed = reader.read(bytes, end);
    if (parsed === undefined) return undefined; // no pickle's value is undefined
    end = parsed.end;
    return parsed.value;
  };

  const magic = next();
  if (magic === undefined) return undefined;
  if (magic instanceof PickleOpaque) throw forbidden(file, magic);
  if (magic !== MAGIC) malformed(file, "expected torch's magic number in its first pickle; this is another kind of pickle");
  const version = next();
  if (version === undefined) return undefined;
  if (version !== VERSION) malformed(file, `expected version ${VERSION} of torch's legacy format`);
  const machine = next();
  if (machine === undefined) return undefined;
  if (!(machine instanceof Map) || machine.get("little_endian") !== true) malformed(file, "expected little-endian numbers");
  const root = next();
  if (root === undefined) return undefined;
  const keys = next();
  if (keys === undefined) return undefined;
  if (!Array.isArray(keys)) malformed(file, "expected a list of storages after the pickle");

  const places = new Map<string, number>();
  let at = end;
  for (const key of keys as unknown[]) {
    const storage = typeof key === "string" ? reader.storages.get(key) : undefined;
    if (storage === undefined || places.has(storage.key)) malformed(file, "expected a list of the pickle's storages, each once");
    places.set(storage.key, at + COUNT_BYTES);
    at += COUNT_BYTES + storage.byteLength;
  }
  if (at > file.byteLength)
    malformed(file, `expected the storages to end at byte ${at}, got a file of ${file.byteLength}; it is cut short`);

  return {
    root,
    async locate({ key, numel }) {
      const place = places.get(key);
      if (place === undefined) malformed(file, `expected storage ${quote(key)} in the list of storages`);
      const count = await file.read(place - COUNT_BYTES, place);
      const actual = new DataView(count.buffer, count.byteOffset, COUNT_BYTES).getBigInt64(0, true);
      if (actual !== BigInt(numel)) malformed(file, `storage ${quote(key)}: expected ${numel} elements, got ${actual}`);
      return place;
    },
  };
}
