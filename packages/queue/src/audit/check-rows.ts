/** A shard's `.npy` file: its header against its length and its record, each row, and the hash of its bytes, in one reading. */
import { NPY_HEAD, type NpyHead, parseNpyHead } from "@chinese-clip/search";
import { createHash } from "node:crypto";

/** How far the L2 norm of a row may be from 1. */
const NORM_TOLERANCE = 1e-3;

/** What is wrong with a file of rows; `undefined` where nothing is. */
export interface RowsCheck {
  readonly sha256: string;
  readonly fault: { readonly kind: "torn" | "invalid-row"; readonly reason: string } | undefined;
}

/** Checks the bytes of a file that is to have `[rows, dim]`. */
export async function checkRows(chunks: AsyncIterable<Uint8Array>, rows: number, dim: number): Promise<RowsCheck> {
  const hash = createHash("sha256");
  const scan = new RowScan(rows, dim);
  for await (const chunk of chunks) {
    hash.update(chunk);
    scan.add(chunk);
  }
  return { sha256: hash.digest("hex"), fault: scan.end() };
}

class RowScan {
  readonly #rows: number;
  readonly #dim: number;
  #head: NpyHead | undefined;
  #pending: Buffer = Buffer.alloc(0);
  #row = 0;
  #fault: RowsCheck["fault"];

  constructor(rows: number, dim: number) {
    this.#rows = rows;
    this.#dim = dim;
  }

  add(chunk: Uint8Array): void {
    if (this.#fault?.kind === "torn") return;
    let bytes: Buffer = this.#pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#pending, chunk]);
    if (this.#head === undefined) {
      if (bytes.length < NPY_HEAD) {
        this.#pending = bytes;
        return;
      }
      this.#head = parseNpyHead(bytes);
      if (this.#head === undefined) return this.#torn("its header is not that of a float32 .npy");
      const { rows, dim, offset } = this.#head;
      if (rows !== this.#rows || dim !== this.#dim)
        return this.#torn(`its header states ${rows} rows of ${dim} values; the shard has ${this.#rows} of ${this.#dim}`);
      bytes = bytes.subarray(offset);
    }
    const stride = 4 * this.#dim;
    const whole = stride === 0 ? 0 : Math.floor(bytes.length / stride);
    this.#look(new Float32Array(new Uint8Array(bytes.subarray(0, whole * stride)).buffer), whole);
    this.#pending = Buffer.from(bytes.subarray(whole * stride));
  }

  end(): RowsCheck["fault"] {
    if (this.#fault?.kind === "torn") return this.#fault;
    if (this.#head === undefined) this.#torn("it ends within its header");
    else if (this.#pending.length > 0 || this.#row !== this.#rows)
      this.#torn(`it has ${this.#row} rows${this.#pending.length > 0 ? " and a part of one" : ""}, its header states ${this.#rows}`);
    return this.#fault;
  }

  #look(values: Float32Array, count: number): void {
    for (let row = 0; row < count; row++, this.#row++) {
      if (this.#fault !== undefined) continue;
      let sum = 0;
      for (let i = row * this.#dim; i < (row + 1) * this.#dim; i++) sum += (values[i] as number) ** 2;
      const norm = Math.sqrt(sum);
      if (Number.isFinite(norm) && Math.abs(norm - 1) <= NORM_TOLERANCE) continue;
      const reason = Number.isFinite(norm) ? `row ${this.#row} has the length ${norm.toPrecision(4)}, expected 1` : `row ${this.#row} has values that are NaN or infinite`; // prettier-ignore
      this.#fault = { kind: "invalid-row", reason };
    }
  }

  #torn(reason: string): void {
    this.#fault = { kind: "torn", reason };
  }
}
