/**
 * An image from the visitor's disk as the server takes it.
 */
import { BackendError } from "@chinese-clip/search-page";

/** Bytes of a file that is sent as it is; a larger one is scaled down first. */
const MAX_BYTES = 8_000_000;
/** Pixels of the longer side then: far more than a model looks at. */
const LONGEST = 2048;

/** The image as a `data:` URL. @throws BackendError - `unreadable-image`: it is too large, and the browser cannot decode it. */
export async function uploadOf(file: Blob): Promise<string> {
  const bytes = file.size <= MAX_BYTES ? file : await smaller(file);
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result as string));
    reader.addEventListener("error", () =>
      reject(new BackendError("unreadable-image", "the file cannot be read", { cause: reader.error })),
    );
    reader.readAsDataURL(bytes);
  });
}

async function smaller(file: Blob): Promise<Blob> {
  const bitmap = await createImageBitmap(file).catch((cause: unknown) => {
    throw new BackendError("unreadable-image", "the browser cannot decode the file", { cause });
  });
  try {
    const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
    const canvas = new OffscreenCanvas(Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale)));
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
  } finally {
    bitmap.close();
  }
}
