/** Which model the page uses, and in which dtype. */

/** A model, by where it comes from. */
export type ModelChoice =
  | { readonly kind: "demo" }
  /** A hub's id, or the address of a folder. */
  | { readonly kind: "remote"; readonly source: string; readonly dtype: Dtype }
  | { readonly kind: "picked"; readonly files: readonly File[]; readonly name: string; readonly dtype: Dtype };

/** What a page can load a model in. */
export type Dtype = "fp32" | "fp16" | "q8" | "q4";

/** All of them, the exact one first. */
export const DTYPES: readonly Dtype[] = ["fp32", "fp16", "q8", "q4"];
