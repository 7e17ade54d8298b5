/**
 * The zip format of `torch.save` since 1.6 (`torch/serialization.py`, `caffe2/serialize/inline_container.cc`): a pickle, and each storage as
 * an entry of its own, stored as it is and therefore usable in place.
 */
import { malformed, quote } from "../checkpoint-error.js";
import type { CheckpointFile } from "./byte-source.js";
import { MAX_PICKLE_BYTES, type TorchFile, TorchPickleReader } from "./torch-pickle.js";
import { locateZipEntry, readZipDirectory, readZipEntry } from "./zip.js";

/**
 * Opens such a file. Reads the directory and the pickle.
 *
 * @throws {@link CheckpointError} `malformed` or `forbidden-global`.
 */
export async function openTorchZip(file: CheckpointFile): Promise<TorchFile> {
  const entries = await readZipDirectory(file);
  const [pickle, ...others] = [...entries.values()].filter(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined || others.length > 0)
    malformed(file, `expected one pickle of torch.save in the zip archive, got ${others.length + (pickle ? 1 : 0)}`);
  const archive = pickle.name.slice(0, -"data.pkl".length);

  const order = entries.get(`${archive}byteorder`); // absent before torch 2.1
  if (order !== undefined) {
    const name = new TextDecoder().decode(await readZipEntry(file, order, 16));
    if (name !== "little") malformed(file, `expected little-endian numbers, got byte order ${quote(name)}`);
  }

  const parsed = new TorchPickleReader(file).read(await readZipEntry(file, pickle, MAX_PICKLE_BYTES), 0);
  if (parsed === undefined) malformed(file, "pickle: expected an end, got none");
  return {
    root: parsed.value,
    async locate({ key, byteLength }) {
      const entry = entries.get(`${archive}data/${key}`);
      if (entry === undefined) malformed(file, `expected an entry for storage ${quote(key)} in the zip archive`);
      if (entry.method !== 0 || entry.compressedSize !== entry.size)
        malformed(
          file,
          `zip entry ${quote(entry.name)}: expected stored weights, got compressed ones; save the checkpoint again with torch.save`,
        );
      if (entry.size !== byteLength) malformed(file, `zip entry ${quote(entry.name)}: expected ${byteLength} bytes, got ${entry.size}`);
      return locateZipEntry(file, entry);
    },
  };
}
