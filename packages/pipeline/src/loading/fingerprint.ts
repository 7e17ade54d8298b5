/**
 * Which weights a model has, in a short text: a hash over samples of its tensors, by their canonical names, so that folder, file name and format do
 * not count. Training changes every value of a trained matrix, so a few bytes of a few matrices tell models apart; a load stays as fast as it was.
 */
import type { Checkpoint, CheckpointFile, StoredTensor } from "@chinese-clip/model";
import type { Dtype } from "../platform.js";
import type { OpenedExport } from "./open-combined-onnx.js";

/** Bytes of a sample. */
const SAMPLE = 256;

/** Samples of an ONNX export, whose tensors have no canonical names. */
const EXPORT_SAMPLES = 8;

/** What is sampled of each tower: attention and MLP, so that adapters merged into either count. */
const SAMPLED: readonly RegExp[] = [
  /^text_model\..*\bquery\.weight$/,
  /^text_model\..*\bintermediate\.dense\.weight$/,
  /^vision_model\..*\bq_proj\.weight$/,
  /^vision_model\..*\b(?:fc1|conv1)\.weight$/,
];

/**
 * The fingerprint of a checkpoint's weights, computed in a dtype: 32 hexadecimal digits and the dtype. Reads a kilobyte, or nothing where the files'
 * versions are known: a page that embeds texts must not fetch a byte of the image tower.
 */
export async function fingerprintCheckpoint(checkpoint: Checkpoint, logitScale: number, dtype: Dtype): Promise<string> {
  const versions = versionsOf(checkpoint.files);
  if (versions !== undefined) return `${hashOf(versions)}-${dtype}`;
  const sampled = sampledTensors(checkpoint);
  const samples = await Promise.all(sampled.map(([name]) => checkpoint.readStart(name, SAMPLE)));
  const hash = new Hash128();
  hash.update(utf16Of(String(logitScale)));
  for (const [i, [name, { dtype: stored, shape }]] of sampled.entries()) {
    hash.update(utf16Of(JSON.stringify([name, stored, shape])));
    hash.update(samples[i] as Uint8Array);
  }
  return `${hash.digest()}-${dtype}`;
}

/** The fingerprint of a model that was exported to ONNX. */
export async function fingerprintExport({ files, logitScale }: OpenedExport, dtype: Dtype): Promise<string> {
  const versions = versionsOf(files);
  if (versions !== undefined) return `${hashOf(versions)}-${dtype}`;
  const hash = new Hash128();
  hash.update(utf16Of(String(logitScale)));
  for (const file of files) {
    const { byteLength } = file;
    hash.update(utf16Of(String(byteLength)));
    const starts = Array.from({ length: EXPORT_SAMPLES }, (_, i) => Math.floor((i * Math.max(0, byteLength - SAMPLE)) / EXPORT_SAMPLES));
    const samples = await Promise.all(starts.map((start) => file.read(start, Math.min(byteLength, start + SAMPLE))));
    for (const sample of samples) hash.update(sample);
  }
  return `${hash.digest()}-${dtype}`;
}

/** The first tensor of each kind by name, so that the choice depends on the model alone. */
function sampledTensors({ tensors }: Checkpoint): (readonly [name: string, tensor: StoredTensor])[] {
  const byName = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));
  const found = SAMPLED.flatMap((kind) => {
    const first = byName.find(([name, { transposed }]) => kind.test(name) && !transposed);
    return first === undefined ? [] : [first];
  });
  return found.length > 0 ? found : byName.slice(0, SAMPLED.length);
}

/** The files' versions as one text, whatever the files are called; undefined where one is not known. */
function versionsOf(files: readonly CheckpointFile[]): string | undefined {
  const versions = files.map(({ byteLength, version }) => (version === undefined ? undefined : `${byteLength} ${version}`));
  return versions.length === 0 || versions.includes(undefined) ? undefined : versions.sort((a = "", b = "") => (a < b ? -1 : 1)).join("\n");
}

function hashOf(text: string): string {
  const hash = new Hash128();
  hash.update(utf16Of(text));
  return hash.digest();
}

function utf16Of(text: string): Uint16Array {
  return Uint16Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
}

/** A 128-bit hash in four lanes of FNV-1a with different primes. It tells models apart; it is no protection against forgery. */
class Hash128 {
  readonly #lanes = Uint32Array.of(0x811c9dc5, 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35);

  update(values: Uint8Array | Uint16Array): void {
    const lanes = this.#lanes;
    let [a, b, c, d] = lanes as unknown as readonly [number, number, number, number];
    for (const value of values) {
      a = Math.imul(a ^ value, 0x01000193);
      b = Math.imul((b ^ value) + (a >>> 15), 0x85ebca6b);
      c = Math.imul((c ^ value) + (b >>> 13), 0xc2b2ae35);
      d = Math.imul((d ^ value) + (c >>> 16), 0x27d4eb2f);
    }
    lanes.set([a, b, c, d]);
  }

  digest(): string {
    return Array.from(this.#lanes, (lane) => lane.toString(16).padStart(8, "0")).join("");
  }
}
