/** A file of a tar; a size or type that is not that of its body makes a damaged one. */
export interface TarFile {
  readonly name: string;
  readonly body: string | Uint8Array;
  readonly type?: string;
  readonly size?: string | Uint8Array;
}

/** A tar in ustar format. */
export function tarOf(files: readonly TarFile[]): Buffer {
  const blocks = files.flatMap(({ name, body, type = "0", size }) => {
    const bytes = Buffer.from(body);
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write("0000644\0", 100);
    const stated = size ?? bytes.length.toString(8).padStart(11, "0");
    if (typeof stated === "string") header.write(stated.padStart(11, "0"), 124);
    else header.set(stated, 124);
    header.write("        ", 148);
    header.write(type, 156);
    header.write("ustar\0\x300", 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}
