/**
 * A graph's weights read into memory, as ONNX Runtime takes them in place of a file.
 */
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { PackedBuffer } from "@chinese-clip/model";
import { InferenceError } from "@chinese-clip/pipeline";

/** @returns each buffer by its name, filled. */
export async function copyWeights(
  folder: string,
  buffers: readonly PackedBuffer[],
): Promise<{ readonly path: string; readonly data: Uint8Array }[]> {
  const handles = new Map<string, FileHandle>();
  try {
    const filled: { readonly path: string; readonly data: Uint8Array }[] = [];
    for (const { name, byteLength, ranges } of buffers) {
      const data = new Uint8Array(byteLength);
      for (const { location, offset, length, at } of ranges) {
        const path = join(folder, location);
        const handle = handles.get(path) ?? (await open(path, "r"));
        handles.set(path, handle);
        await readInto(handle, path, data.subarray(at, at + length), offset);
      }
      filled.push({ path: name, data });
    }
    return filled;
  } finally {
    for (const handle of handles.values()) await handle.close();
  }
}

async function readInto(handle: FileHandle, path: string, bytes: Uint8Array, offset: number): Promise<void> {
  for (let filled = 0; filled < bytes.length;) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, offset + filled);
    if (bytesRead === 0) {
      const end = offset + filled;
      throw new InferenceError("weights-changed", `${path}: expected the weights file to stay as it was, but it now ends at ${end}`, {
        file: path,
      });
    }
    filled += bytesRead;
  }
}
