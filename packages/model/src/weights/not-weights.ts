/**
 * What is in the place of weights: downloads that were answered with something else, or that are not whole, and other formats. Told by a file's
 * first bytes, to say what to do about it.
 */
import type { CheckpointFile } from "./byte-source.js";

const FIRST_BYTES = 256;

const TEXTS: readonly (readonly [RegExp, string])[] = [
  [
    /^version https:\/\/git-lfs/,
    "a Git LFS pointer, which stands for a file that was not fetched; run git lfs install and git lfs pull in the folder, or download the file itself",
  ],
  [/^\s*(?:<!doctype html|<html|<!--|<head|<body)/i, "an HTML page, such as a server's error or a login; download the file itself"],
  [/^\s*<\?xml/i, "an XML document, such as a server's error; download the file itself"],
  [/^\s*[[{]/, "a JSON document, such as a server's error; download the file itself"],
  [
    /^(?:Entry not found|Access to model|Invalid username|Repository not found|Not Found|Forbidden|Unauthorized)/i,
    "a server's error; download the file itself",
  ],
];
const SIGNATURES: readonly (readonly [bytes: readonly number[], what: string])[] = [
  [[0x1f, 0x8b], "a gzip archive; unpack it and load what is in it"],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], "an xz archive; unpack it and load what is in it"],
  [[0x28, 0xb5, 0x2f, 0xfd], "a zstd archive; unpack it and load what is in it"],
  [[0x42, 0x5a, 0x68], "a bzip2 archive; unpack it and load what is in it"],
  [[0x89, 0x48, 0x44, 0x46], "an HDF5 file; save the model in PyTorch's or in safetensors' format"],
  [[0x47, 0x47, 0x55, 0x46], "a GGUF file; save the model in PyTorch's or in safetensors' format"],
];

/** What a file is that is not weights, for a message; undefined where nothing is known of it. */
export async function describeOtherFile(file: Pick<CheckpointFile, "name" | "byteLength" | "read">): Promise<string | undefined> {
  if (file.byteLength === 0) return "a file of 0 bytes; it is empty, download it again";
  const bytes = await file.read(0, Math.min(FIRST_BYTES, file.byteLength));
  const known = SIGNATURES.find(([signature]) => signature.every((byte, i) => bytes[i] === byte))?.[1];
  if (known !== undefined) return known;
  const text = new TextDecoder().decode(bytes); // without a byte order mark
  const words = TEXTS.find(([pattern]) => pattern.test(text))?.[1];
  if (words !== undefined) return words;
  if (bytes.every((byte) => byte === 0)) return "zeros, as a download that was begun and not finished leaves them; download it again";
  return /\.(?:part|partial|incomplete|crdownload|download|aria2|tmp)$/i.test(file.name)
    ? "a download that is not finished; finish it and load the file under its own name"
    : undefined;
}
