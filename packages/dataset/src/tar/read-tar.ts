/**
 * The members of a tar as a stream: one body in memory at a time, and only of those that are asked for. PAX and GNU long names are applied;
 * names are keys and never paths. Written here, as the libraries allocate what a header states and name neither member nor offset of a fault.
 */
import { DatasetError, shown } from "../dataset-error.js";
import { filePath } from "../images/walk-folder.js";
import { ByteReader } from "./byte-reader.js";
import { BLOCK, isZero, parsePax, parseTarHeader, type TarHeader } from "./tar-header.js";

/** A file of a tar. */
export interface TarMember {
  /** Its name; bytes that are no UTF-8 are written as `\xNN`. */
  readonly name: string;
  /** Where its header is, in bytes of the tar; its body is {@link BLOCK} behind. */
  readonly offset: number;
  /** Bytes of its body. */
  readonly size: number;
  /** Its body, where it was asked for; or why it cannot be read. */
  readonly body: Buffer | DatasetError | undefined;
}

/** How a tar is read. */
export interface TarOptions {
  /** The tar's name for messages. */
  readonly file: string;
  /** Which bodies are read. Default: all. */
  readonly wants?: ((name: string, size: number) => boolean) | undefined;
  /** Bytes of a body, at most. */
  readonly maxMemberBytes: number;
}

/** Bytes of a PAX header or a long name, at most: no file system has names of a thousandth of it. */
const MOST_HEADER_BYTES = 1 << 20;

/** Members that only say something of the next one. */
const EXTENSIONS = "xgLKX";

/** What an extension says of the next member. */
interface Extension {
  readonly name?: Buffer;
  readonly size?: number;
  readonly isSparse?: boolean;
}

/**
 * The files of a tar. Folders and links are left out; a sparse file, and one that is larger than allowed, has an error as its body. A damaged
 * header is one too, and reading resumes at the next header whose checksum is right.
 *
 * @throws DatasetError - `not-a-tar`: it does not begin as one; `tar-cut`: it ends within a member or without an end.
 */
export async function* readTar(chunks: AsyncIterable<Uint8Array>, options: TarOptions): AsyncGenerator<TarMember, void, undefined> {
  const { file, wants = () => true, maxMemberBytes } = options;
  const reader = new ByteReader(chunks);
  try {
    let next: Extension = {};
    for (let isFirst = true; ; isFirst = false) {
      let { offset } = reader;
      const block = await reader.take(BLOCK);
      if (block.length === 0 && isFirst) throw new DatasetError("not-a-tar", { reason: "it is empty", file });
      if (block.length < BLOCK) throw cut("", offset, file);
      if (isZero(block)) return;
      let header = parseTarHeader(block);
      if (header === undefined) {
        if (isFirst) throw new DatasetError("not-a-tar", { reason: "its first header is none", file });
        yield { name: `offset ${offset}`, offset, size: 0, body: new DatasetError("tar-header", { offset, file }) };
        const found = await nextHeader(reader);
        if (found === undefined) throw cut("", offset, file);
        [header, next, offset] = [found, {}, reader.offset - BLOCK];
      }
      if (EXTENSIONS.includes(header.type)) {
        const extension = await readExtension(reader, header, offset, file);
        // A global header has a comment, as of `git archive`; a name or size for all members would be none.
        if (header.type !== "g") next = { ...next, ...extension };
        continue;
      }
      const { size = header.size, isSparse = false, name: bytes = header.name } = next;
      next = {};
      const name = filePath(Buffer.from(bytes)).label;
      for (let { isExtended } = header; isExtended;) {
        const map = await reader.take(BLOCK);
        if (map.length < BLOCK) throw cut(name, offset, file);
        isExtended = map[504] !== 0;
      }
      const isFile = header.type === "0" && !bytes.toString("latin1").endsWith("/");
      if (isSparse || header.type === "S") {
        await skipBody(reader, size, name, offset, file);
        yield { name, offset, size, body: new DatasetError("tar-sparse", { name: shown(name), offset, file }) };
      } else if (!isFile) {
        await skipBody(reader, header.type === "1" || header.type === "2" ? 0 : size, name, offset, file);
      } else if (!wants(name, size)) {
        await skipBody(reader, size, name, offset, file);
        yield { name, offset, size, body: undefined };
      } else if (size > maxMemberBytes) {
        await skipBody(reader, size, name, offset, file);
        yield {
          name,
          offset,
          size,
          body: new DatasetError("member-too-large", { name: shown(name), offset, got: size, maximum: maxMemberBytes, file }),
        };
      } else {
        const body = await reader.take(size);
        if (body.length < size) throw cut(name, offset, file);
        await skipBody(reader, padding(size), name, offset, file, 0);
        yield { name, offset, size, body };
      }
    }
  } finally {
    await reader.close();
  }
}

/** What a PAX header or a long name says. */
async function readExtension(reader: ByteReader, { type, size }: TarHeader, offset: number, file: string): Promise<Extension> {
  if (size > MOST_HEADER_BYTES) throw new DatasetError("tar-extension", { offset, got: size, maximum: MOST_HEADER_BYTES, file });
  const body = await reader.take(size);
  if (body.length < size) throw cut("", offset, file);
  await skipBody(reader, padding(size), "", offset, file, 0);
  if (type === "K") return {};
  if (type === "L") {
    const end = body.indexOf(0);
    return { name: end < 0 ? body : body.subarray(0, end) };
  }
  const records = parsePax(body);
  if (records === undefined) throw new DatasetError("tar-pax", { offset, file });
  const [path, stated] = [records.get("GNU.sparse.name") ?? records.get("path"), records.get("size")?.toString("latin1")];
  const size64 = stated === undefined ? undefined : Number(stated);
  if (size64 !== undefined && !(/^\d+$/u.test(stated ?? "") && Number.isSafeInteger(size64)))
    throw new DatasetError("tar-pax", { offset, file });
  const isSparse = [...records.keys()].some((name) => name.startsWith("GNU.sparse."));
  return {
    ...(path === undefined ? {} : { name: path }),
    ...(size64 === undefined ? {} : { size: size64 }),
    ...(isSparse ? { isSparse } : {}),
  };
}

/** Skips a body and what pads it. */
async function skipBody(reader: ByteReader, size: number, name: string, offset: number, file: string, pad = padding(size)): Promise<void> {
  if ((await reader.skip(size + pad)) < size + pad) throw cut(name, offset, file);
}

/** The next block that is a header, as after a damaged one. */
async function nextHeader(reader: ByteReader): Promise<TarHeader | undefined> {
  for (;;) {
    const block = await reader.take(BLOCK);
    if (block.length < BLOCK) return undefined;
    const header = isZero(block) || block.toString("latin1", 257, 262) !== "ustar" ? undefined : parseTarHeader(block);
    if (header !== undefined) return header;
  }
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function cut(name: string, offset: number, file: string): DatasetError {
  return new DatasetError("tar-cut", { name: name === "" ? "a header" : shown(name), offset, file });
}
