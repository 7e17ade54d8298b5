/**
 * What a camera wrote into an image, from an EXIF block (CIPA DC-008): a dozen tags of three directories, each read where it lies. A block is a
 * stranger's: every offset is checked, a directory has at most so many entries, a text so many bytes, and what makes no sense is left out.
 */
import type { ImageExif } from "@chinese-clip/pipeline";

/** Entries of a directory; a camera writes some dozens. */
const MAX_ENTRIES = 512;

/** Bytes of a text. */
const MAX_TEXT = 200;

/** Bytes before the TIFF header, in JPEG and where libvips adds them. */
const PREFIX = "Exif\0\0";

/**
 * Reads an EXIF block.
 *
 * @returns only what is there and valid; nothing for a block that is none. Never throws.
 */
export function parseExif(block: Uint8Array): ImageExif {
  try {
    const bytes = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
    const tiff = bytes.toString("latin1", 0, PREFIX.length) === PREFIX ? bytes.subarray(PREFIX.length) : bytes;
    const order = tiff.toString("latin1", 0, 2);
    if (order !== "II" && order !== "MM") return {};
    return readTags(new TiffReader(tiff, order === "II"));
  } catch (error) {
    if (error instanceof RangeError) return {}; // an offset past the end
    throw error;
  }
}

/** Finds the block in a HEIC file, whose boxes are not read for it: the prefix with a TIFF header after it. */
export function findExif(file: Uint8Array): Uint8Array | undefined {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  for (const header of ["II*\0", "MM\0*"]) {
    const at = bytes.indexOf(`${PREFIX}${header}`, 0, "latin1");
    if (at >= 0) return bytes.subarray(at, at + (1 << 20));
  }
  return undefined;
}

function readTags(reader: TiffReader): ImageExif {
  const main = reader.directory(reader.long(4));
  const exif = reader.directory(reader.offset(main.get(0x87_69)));
  const gps = reader.directory(reader.offset(main.get(0x88_25)));
  const orientation = reader.short(main.get(0x01_12));
  const takenAt = dateOf(reader.text(exif.get(0x90_03)), reader.text(exif.get(0x90_11)));
  const camera = cameraOf(reader.text(main.get(0x01_0f)), reader.text(main.get(0x01_10)));
  const lens = reader.text(exif.get(0xa4_34));
  const latitude = degrees(reader.text(gps.get(1)), reader.rationals(gps.get(2)), "NS", 90);
  const longitude = degrees(reader.text(gps.get(3)), reader.rationals(gps.get(4)), "EW", 180);
  return {
    ...(orientation !== undefined && orientation >= 1 && orientation <= 8 ? { orientation } : {}),
    ...(takenAt === undefined ? {} : { takenAt }),
    ...(camera === undefined ? {} : { camera }),
    ...(lens === undefined ? {} : { lens }),
    ...(latitude === undefined || longitude === undefined ? {} : { latitude, longitude }),
  };
}

/** `2024:05:01 10:20:30` and `+08:00` in ISO 8601. */
function dateOf(text: string | undefined, offset: string | undefined): string | undefined {
  const parts = /^(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)/.exec(text ?? "");
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second] = parts;
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const date = new Date(`${local}Z`);
  // 31 April is 1 May to Date.
  if (Number.isNaN(date.getTime()) || date.toISOString().slice(0, 19) !== local || Number(year) < 1800) return undefined;
  return /^[+-](?:0\d|1[0-4]):[0-5]\d$/.test(offset ?? "") ? `${local}${offset}` : local;
}

/** Many models have their make in front, or with the first word of it. */
function cameraOf(make: string | undefined, model: string | undefined): string | undefined {
  if (make === undefined || model === undefined) return model ?? make;
  const [brand = make] = make.split(" ");
  return model.toLowerCase().startsWith(brand.toLowerCase()) ? model : `${make} ${model}`;
}

/** Degrees, minutes and seconds with the letter of a direction; the second letter's are negative. */
function degrees(letter: string | undefined, parts: readonly number[], letters: string, maximum: number): number | undefined {
  const direction = letter === undefined ? -1 : letters.indexOf(letter.slice(0, 1).toUpperCase());
  const [degree = Number.NaN, minute = 0, second = 0] = parts;
  const value = degree + minute / 60 + second / 3600;
  if (direction < 0 || letter === "" || !(value >= 0 && value <= maximum)) return undefined;
  const rounded = Math.round(value * 1e7) / 1e7; // a centimetre
  return direction === 1 && rounded > 0 ? -rounded : rounded;
}

/** An entry of a directory: where its 12 bytes are. */
type Entry = number;

/** The numbers and texts of a TIFF file. Reads past the end throw a RangeError. */
class TiffReader {
  readonly #bytes: Buffer;
  readonly #isLittle: boolean;

  constructor(bytes: Buffer, isLittle: boolean) {
    [this.#bytes, this.#isLittle] = [bytes, isLittle];
  }

  long(at: number): number {
    return this.#isLittle ? this.#bytes.readUInt32LE(at) : this.#bytes.readUInt32BE(at);
  }

  /** Entries by tag; none for an offset that is missing or points nowhere. */
  directory(offset: number | undefined): ReadonlyMap<number, Entry> {
    const entries = new Map<number, Entry>();
    if (offset === undefined || offset < 8 || offset + 2 > this.#bytes.length) return entries;
    const count = Math.min(this.#word(offset), MAX_ENTRIES);
    for (let i = 0; i < count; i++) {
      const at = offset + 2 + 12 * i;
      if (at + 12 > this.#bytes.length) break;
      entries.set(this.#word(at), at);
    }
    return entries;
  }

  /** The place that an entry names. */
  offset(entry: Entry | undefined): number | undefined {
    return entry === undefined || this.#word(entry + 2) !== 4 ? undefined : this.long(entry + 8);
  }

  /** The value of an entry of type SHORT. */
  short(entry: Entry | undefined): number | undefined {
    return entry === undefined || this.#word(entry + 2) !== 3 ? undefined : this.#word(entry + 8);
  }

  /** The value of an entry of type ASCII, or UTF-8 in the place of it, without what no camera means to write. */
  text(entry: Entry | undefined): string | undefined {
    if (entry === undefined || ![2, 129].includes(this.#word(entry + 2))) return undefined;
    const length = this.long(entry + 4);
    const at = length <= 4 ? entry + 8 : this.long(entry + 8);
    if (at + length > this.#bytes.length) return undefined;
    const text = this.#bytes.toString("utf8", at, at + Math.min(length, MAX_TEXT));
    const [value = ""] = text.split("\0");
    return value.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029\ufffd]/gu, "").trim() || undefined;
  }

  /** Up to three values of an entry of type RATIONAL; NaN for a denominator of 0. */
  rationals(entry: Entry | undefined): number[] {
    if (entry === undefined || this.#word(entry + 2) !== 5) return [];
    const [count, at] = [Math.min(this.long(entry + 4), 3), this.long(entry + 8)];
    if (at + 8 * count > this.#bytes.length) return [];
    return Array.from({ length: count }, (_, i) => {
      const denominator = this.long(at + 8 * i + 4);
      return denominator === 0 ? Number.NaN : this.long(at + 8 * i) / denominator;
    });
  }

  #word(at: number): number {
    return this.#isLittle ? this.#bytes.readUInt16LE(at) : this.#bytes.readUInt16BE(at);
  }
}
