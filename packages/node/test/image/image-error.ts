import { ImageError } from "@chinese-clip/image-processor";

/** The error that a promise rejects with, which must be an ImageError. */
export async function imageError(promise: Promise<unknown>): Promise<ImageError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ImageError) return error;
    throw error;
  }
  throw new Error("expected a rejection");
}
