import type { Attribute } from "../../onnx/write/ir.js";

/** An integer attribute. */
export const int = (value: number): Attribute => ({ kind: "int", value });
/** A float32 attribute. */
export const float = (value: number): Attribute => ({ kind: "float", value });
/** A list of integers. */
export const ints = (value: readonly number[]): Attribute => ({ kind: "ints", value });
/** A text attribute. */
export const string = (value: string): Attribute => ({ kind: "string", value });
