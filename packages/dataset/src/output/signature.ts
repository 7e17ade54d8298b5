/**
 * How the files begin that may be appended to or cut: a file that begins otherwise is somebody else's and is never touched.
 */
import { isAbsent, openPath } from "@chinese-clip/pipeline/node";
import { DatasetError } from "../dataset-error.js";

/**
 * Makes sure that a file is empty or ours.
 *
 * @param signature - its first bytes; after a kill there may be fewer of them.
 * @throws DatasetError - `foreign-output`.
 */
export async function checkSignature(file: string, signature: Uint8Array | string): Promise<void> {
  const expected = Buffer.from(signature);
  const opened = await openPath(file).catch((error: unknown) => {
    if (isAbsent(error)) return undefined;
    throw error;
  });
  if (opened === undefined) return;
  const { file: handle } = opened;
  try {
    if (!(await handle.stat()).isFile()) throw new DatasetError("foreign-output", { file });
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(expected.length), 0, expected.length, 0);
    if (!buffer.subarray(0, bytesRead).equals(expected.subarray(0, bytesRead))) throw new DatasetError("foreign-output", { file });
  } finally {
    await handle.close();
  }
}
