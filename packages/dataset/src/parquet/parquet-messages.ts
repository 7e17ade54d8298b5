/** What the two sides of a process that decodes Parquet say to each other. */

/** A column at the top of a file's schema. */
export interface ParquetColumn {
  /** Its name. */
  readonly name: string;
  /** Whether it is a value for each row, and neither a list nor a struct. */
  readonly isFlat: boolean;
  /** The names of a struct's members. */
  readonly members: readonly string[];
}

/** To the process. `bytes` answers its `read`. */
export type ParquetRequest =
  | { readonly type: "open"; readonly byteLength: number; readonly maxBytes: number }
  | { readonly type: "select"; readonly from: number; readonly to: number; readonly columns: readonly string[]; readonly maxBytes: number }
  | { readonly type: "next" }
  | { readonly type: "bytes"; readonly id: number; readonly bytes: Uint8Array };

/** From the process. */
export type ParquetAnswer =
  | { readonly type: "opened"; readonly groups: readonly number[]; readonly columns: readonly ParquetColumn[] }
  | { readonly type: "selected"; readonly count: number }
  | { readonly type: "rows"; readonly rows: readonly Readonly<Record<string, unknown>>[] }
  | { readonly type: "read"; readonly id: number; readonly start: number; readonly end: number }
  | { readonly type: "error"; readonly message: string };
