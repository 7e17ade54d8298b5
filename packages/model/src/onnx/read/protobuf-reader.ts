/**
 * Reads protobuf's wire format (protobuf.dev, "Encoding"), field by field: of bytes in memory, or of a file by ranges, so that the large
 * fields of a model, its weights, are stepped over unread. What a field means is the caller's to know.
 */
import { malformed } from "../../checkpoint-error.js";
import type { CheckpointFile } from "../../weights/byte-source.js";

/** One field. */
export interface ProtobufField {
  /** The field's number. */
  readonly number: number;
  /** 0: a varint; 1 and 5: eight and four bytes; 2: bytes, text, a message, or a packed list. */
  readonly wireType: number;
  /** A varint's value as int64, rounded beyond 2^53; 0 for other wire types. */
  readonly value: number;
  /** Offset of the content's first byte. */
  readonly start: number;
  /** Offset behind the content's last byte. */
  readonly end: number;
}

/** Fields of one message: a graph has one for each operator, constant and shape, in unfused exports of the published models below 20,000. */
const MAX_FIELDS = 1 << 18;
/** A tag and a length, or a tag and a varint: two varints of at most ten bytes. */
const MAX_HEADER_BYTES = 20;
/** What a read of a file asks for after a jump, and at most when it goes on where the last one ended: headers between weights are short. */
const FIRST_READ_BYTES = 1 << 12;
const MAX_READ_BYTES = 1 << 17;

/**
 * The fields of a message in memory.
 *
 * @throws {@link CheckpointError} `malformed`, naming the file: a field that ends beyond the message, a wire type that ONNX does not use.
 */
export function* fieldsIn(file: { readonly name: string }, message: Uint8Array): Generator<ProtobufField> {
  let count = 0;
  for (let at = 0; at < message.length;) {
    if (++count > MAX_FIELDS) malformed(file, `expected at most ${MAX_FIELDS} fields in a message`);
    const field = readField(file, message, at, message.length);
    yield field;
    at = field.end;
  }
}

/** A file read by ranges, mostly forwards; a window of it is kept. */
export class ProtobufFile {
  readonly #file: CheckpointFile;
  #window: Uint8Array = new Uint8Array(0);
  #windowStart = 0;
  #nextRead: number = FIRST_READ_BYTES;

  constructor(file: CheckpointFile) {
    this.#file = file;
  }

  /** The fields of the message at `[start, end)`. Contents are not read; errors as {@link fieldsIn}. */
  async *fields(start: number, end: number): AsyncGenerator<ProtobufField> {
    let count = 0;
    for (let at = start; at < end;) {
      if (++count > MAX_FIELDS) malformed(this.#file, `expected at most ${MAX_FIELDS} fields in a message`);
      const available = Math.min(end - at, MAX_HEADER_BYTES);
      // Each header says where the next one is.
      const header = await this.bytes(at, at + available);
      const field = readField(this.#file, header, 0, end - at);
      yield { ...field, start: field.start + at, end: field.end + at };
      at += field.end;
    }
  }

  /** The bytes `[start, end)`: a view that stays valid. */
  async bytes(start: number, end: number): Promise<Uint8Array> {
    const windowEnd = this.#windowStart + this.#window.length;
    if (start < this.#windowStart || end > windowEnd) {
      const goesOn = start >= this.#windowStart && start <= windowEnd;
      this.#nextRead = goesOn ? Math.min(2 * this.#nextRead, MAX_READ_BYTES) : FIRST_READ_BYTES;
      const readEnd = Math.min(this.#file.byteLength, Math.max(end, start + this.#nextRead));
      const window = await this.#file.read(start, readEnd);
      if (window.length !== readEnd - start || end > readEnd)
        malformed(this.#file, `expected bytes up to ${end}, but the file ends before`);
      this.#window = window;
      this.#windowStart = start;
    }
    return this.#window.subarray(start - this.#windowStart, end - this.#windowStart);
  }
}

/** The field whose tag is at `at`; its content must end by `limit`, though `bytes` may end before the content does. */
function readField(file: { readonly name: string }, bytes: Uint8Array, at: number, limit: number): ProtobufField {
  const tag = readVarint(file, bytes, at);
  const number = Math.floor(tag.value / 8);
  const wireType = tag.value - number * 8;
  let [start, end, value] = [tag.end, tag.end, 0];
  if (wireType === 0) ({ value, end } = readVarint(file, bytes, start));
  else if (wireType === 1) end += 8;
  else if (wireType === 5) end += 4;
  else if (wireType === 2) {
    const length = readVarint(file, bytes, start);
    start = length.end;
    end = start + length.value;
  } else malformed(file, `expected a protobuf field, got wire type ${wireType}; this is not an ONNX model`);
  if (number < 1 || !(end >= start && end <= limit))
    malformed(file, `expected field ${number} to end within its message; the file is cut short`);
  return { number, wireType, value, start, end };
}

/** A varint as int64, rounded beyond 2^53, and the offset behind it. */
export function readVarint(file: { readonly name: string }, bytes: Uint8Array, at: number): { value: number; end: number } {
  let value = 0;
  let scale = 1;
  for (let end = at; end < at + 10; end++) {
    const byte = bytes[end];
    if (byte === undefined) malformed(file, "expected a number, but the message ends; the file is cut short");
    // A tenth byte belongs to a negative number only.
    if (end === at + 9) return { value: Number(BigInt.asIntN(64, exactVarint(bytes, at))), end: end + 1 };
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte < 0x80) return { value, end: end + 1 };
  }
  malformed(file, "expected a number of at most ten bytes");
}

function exactVarint(bytes: Uint8Array, at: number): bigint {
  return bytes.subarray(at, at + 10).reduce((sum, byte, i) => sum | (BigInt(byte & 0x7f) << BigInt(7 * i)), 0n);
}
