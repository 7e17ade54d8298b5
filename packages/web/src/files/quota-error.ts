/**
 * The error of a browser that keeps no more, with what it says about the room that there is.
 */
import { HubError } from "@chinese-clip/pipeline";

/** @param byteLength - bytes that there was no room for. */
export async function quotaError(url: string, byteLength: number, cause: unknown): Promise<HubError> {
  const { usage, quota } = (await navigator.storage?.estimate?.()) ?? {};
  const room = usage === undefined || quota === undefined ? "" : ` It uses ${megabytes(usage)} of the ${megabytes(quota)} that it may.`;
  return new HubError(
    "disk",
    `${url}: the browser grants this site no more room to keep the model.${room} Free some with clearCache() or by emptying the disk, ` +
      "ask for more with navigator.storage.persist(), or load without keeping anything: { cache: false }",
    { url, byteLength, usage, quota },
    { cause },
  );
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}
