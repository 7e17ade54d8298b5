/** Reads protobuf's wire format back: what the writer's tests hold it against. Field number -> the values in order. */
export type Fields = Map<number, (bigint | number | Uint8Array)[]>;

export function readFields(bytes: Uint8Array): Fields {
  const fields: Fields = new Map();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error("varint beyond the end");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const values = fields.get(tag >> 3) ?? [];
    fields.set(tag >> 3, values);
    if ((tag & 7) === 0) values.push(BigInt.asIntN(64, varint()));
    else if ((tag & 7) === 5) {
      values.push(view.getFloat32(at, true));
      at += 4;
    } else if ((tag & 7) === 2) {
      const length = Number(varint());
      if (at + length > bytes.length) throw new Error("field beyond the end");
      values.push(bytes.subarray(at, at + length));
      at += length;
    } else throw new Error(`wire type ${tag & 7}`);
  }
  return fields;
}

/** Messages in a field. */
export function messages(fields: Fields, number: number): Fields[] {
  return (fields.get(number) ?? []).map((value) => readFields(value as Uint8Array));
}

/** Strings in a field. */
export function strings(fields: Fields, number: number): string[] {
  return (fields.get(number) ?? []).map((value) => new TextDecoder().decode(value as Uint8Array));
}
