/**
 * The files of a source, wherever they are: one pattern with braces, a folder, or a prefix of a bucket. A shard names its file relative to the place
 * that they have in common, so that another machine may have it elsewhere, and so that a shard from a queue cannot name a file outside.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { braceNames } from "../bytes/brace-names.js";
import { type ByteFile, localFile } from "../bytes/byte-file.js";
import { httpFile, type HttpOptions } from "../bytes/http-file.js";
import { DatasetError, shown } from "../dataset-error.js";
import { missingFile } from "../files/read-lines.js";
import { isFolder } from "../images/list-images.js";
import { parseS3Address, s3File, s3Store, type S3StoreOptions } from "../store/s3-store.js";

/** How files are reached. */
export interface AccessOptions extends HttpOptions {
  /** How a bucket is reached. */
  readonly s3?: S3StoreOptions | undefined;
}

/** A file of a source. */
export interface LocatedFile {
  /** Its name relative to the source's place. */
  readonly name: string;
  /** Its length, where the listing states it. */
  readonly size: number | undefined;
}

/** Files at one place. */
export interface Files {
  /** The files, in the order of the pattern, or by name. @throws DatasetError - `no-files`; what listing throws. */
  list(signal?: AbortSignal): AsyncGenerator<LocatedFile, void, undefined>;
  /** Opens one of them. @throws DatasetError - `invalid-shard`: the name leads outside. */
  open(name: string): ByteFile;
}

/**
 * The files that a location stands for.
 *
 * @param location - a path, `http(s)://…` or `s3://…`, with braces or without; a folder or prefix that ends in `/` for all its files.
 * @param extensions - of the files of a folder or prefix, with their dot.
 */
export function filesAt(location: string, extensions: readonly string[], options: AccessOptions): Files {
  const [pattern, query] = splitQuery(location);
  const brace = pattern.indexOf("{");
  const literal = brace < 0 ? pattern : pattern.slice(0, brace);
  const isRemote = isUrl(location);
  const cut = Math.max(literal.lastIndexOf("/"), isRemote ? -1 : literal.lastIndexOf("\\")) + 1;
  const [base, rest] = [pattern.slice(0, cut), pattern.slice(cut)];
  const fits = (name: string): boolean => extensions.some((extension) => name.toLowerCase().endsWith(extension));
  const none = (): DatasetError => new DatasetError("no-files", { extensions: extensions.join(" "), file: shown(location) });
  const open = (folder: string, name: string): ByteFile =>
    openLocation(isRemote ? `${folder}${name}${query}` : join(folder, name), options);
  let folder: string | undefined;
  return {
    async *list(signal) {
      if (brace >= 0) {
        for (const name of braceNames(rest)) yield { name, size: undefined };
        return;
      }
      let count = 0;
      if (isRemote && location.startsWith("s3:") && (rest === "" || !fits(rest))) {
        folder = pattern.endsWith("/") ? pattern : `${pattern}/`;
        const { key } = parseS3Address(folder);
        for await (const { name, size } of s3Store(`${folder}${query}`, options.s3).list("", { signal })) {
          if (!fits(name)) continue;
          if (!isSafeName(name, true)) throw new DatasetError("unsafe-name", { name: shown(key + name), file: shown(location) });
          count++;
          yield { name, size };
        }
      } else if (!isRemote && (await isFolder(pattern))) {
        folder = pattern;
        const names = await readdir(pattern).catch((cause: unknown) => {
          throw missingFile(pattern, cause);
        });
        for (const name of names.filter((one) => fits(one) && !one.startsWith(".")).sort(byCodePoints)) {
          signal?.throwIfAborted();
          count++;
          yield { name, size: await localFile(join(pattern, name)).size() };
        }
      } else {
        count++;
        yield { name: rest, size: isRemote ? undefined : await localFile(pattern).size() };
      }
      if (count === 0) throw none();
    },
    open(name) {
      if (!isSafeName(name, isRemote))
        throw new DatasetError("invalid-shard", { id: shown(name), expected: "files below the source's place" });
      if (folder !== undefined) return open(folder, name);
      // Reading may be another process's than listing: the place is a folder where the name is not what the pattern itself ends with.
      if (brace >= 0 || name === rest) return open(base, name);
      return open(isRemote && !pattern.endsWith("/") ? `${pattern}/` : pattern, name);
    },
  };
}

/** Opens a path, `http(s)://…` or `s3://…`. Nothing is read yet. */
export function openLocation(location: string, { s3, ...http }: AccessOptions): ByteFile {
  if (location.startsWith("s3:")) return s3File(location, { network: http.network, ...s3 });
  if (!isUrl(location)) return localFile(location);
  if (!URL.canParse(location)) throw new DatasetError("unknown-source", { expected: "a URL", file: shown(location) });
  return httpFile(new URL(location), http);
}

/** Whether a location is of another machine. */
export function isUrl(location: string): boolean {
  return /^(?:https?|s3):\/\//iu.test(location);
}

/** What is behind the question mark of a URL, which is the same for every file. */
function splitQuery(location: string): readonly [string, string] {
  const at = isUrl(location) ? location.indexOf("?") : -1;
  return at < 0 ? [location, ""] : [location.slice(0, at), location.slice(at)];
}

/** Whether a name stays below the place that it is put behind. In a URL more means something than in a path. */
function isSafeName(name: string, isRemote: boolean): boolean {
  const parts = name.split(/[/\\]/u);
  // An object's key may have two slashes in a row; a path that has them is none that was listed, but a URL.
  const isEmpty = isRemote ? parts[0] === "" : parts.includes("");
  return !parts.includes("..") && !isEmpty && !name.includes("\0") && !(isRemote && /[?#]|^[A-Za-z]{1,8}:/u.test(name));
}

function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
