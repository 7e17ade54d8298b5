/**
 * Writes protobuf's wire format (protobuf.dev, "Encoding"): fields in the order of the calls. Only what ONNX needs.
 */
export class ProtobufWriter {
  #bytes: Uint8Array = new Uint8Array(1 << 12);
  #length = 0;

  /** A varint field; negative numbers as 64-bit two's complement. `value` is a safe integer. */
  int(field: number, value: number): void {
    this.#tag(field, 0);
    if (value >= 0) return this.#varint(value);
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 0x7fn; rest >>= 7n) this.#byte(Number(rest & 0x7fn) | 0x80);
    this.#byte(Number(rest));
  }

  /** A 32-bit float field. */
  float(field: number, value: number): void {
    this.#tag(field, 5);
    this.#reserve(4);
    new DataView(this.#bytes.buffer).setFloat32(this.#length, value, true);
    this.#length += 4;
  }

  /** A length-delimited field of bytes. */
  bytes(field: number, value: Uint8Array): void {
    this.open(field, value.byteLength);
    this.raw(value);
  }

  /** The start of a length-delimited field, whose `length` bytes the caller sees to. */
  open(field: number, length: number): void {
    this.#tag(field, 2);
    this.#varint(length);
  }

  /** Bytes as they are, such as fields that were written before. */
  raw(value: Uint8Array): void {
    this.#reserve(value.byteLength);
    this.#bytes.set(value, this.#length);
    this.#length += value.byteLength;
  }

  /** A length-delimited field of UTF-8 text. */
  string(field: number, value: string): void {
    this.bytes(field, utf8.encode(value));
  }

  /** A length-delimited field that is a message of its own, written by `write`. */
  message(field: number, write: (writer: ProtobufWriter) => void): void {
    this.#tag(field, 2);
    const start = this.#length;
    write(this);
    const length = this.#length - start;
    // How long it is shows when it is written; it then makes room for that, which is cheaper than a buffer for each of a graph's messages.
    const shift = varintBytes(length);
    this.#reserve(shift);
    this.#bytes.copyWithin(start + shift, start, this.#length);
    this.#length = start;
    this.#varint(length);
    this.#length += length;
  }

  /** What has been written: a view, valid until the next write. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.#byte((rest % 128) | 0x80);
    this.#byte(rest);
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  #reserve(extra: number): void {
    const needed = this.#length + extra;
    if (needed <= this.#bytes.byteLength) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.byteLength * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

const utf8 = new TextEncoder();

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}
