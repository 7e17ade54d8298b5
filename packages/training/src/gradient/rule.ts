/** What a differentiation rule is: an operator's gradients of its inputs from the gradient of its result. */
import type { Node, Value } from "@chinese-clip/model";
import type { GraphBuilder } from "@chinese-clip/model/graph";

/** One application of an operator, on the way back. */
export interface Backward {
  /** Takes the gradient's operators. */
  readonly graph: GraphBuilder;
  /** The operator as it was applied. */
  readonly node: Node;
  /** Its inputs; undefined for an optional one that is not given. */
  readonly inputs: readonly (Value | undefined)[];
  /** Its results; the first is the one that was differentiated. */
  readonly outputs: readonly Value[];
  /** The loss's gradient by the first result. */
  readonly gradient: Value;
  /** Whether the gradient by an input is needed. */
  readonly wants: (input: number) => boolean;
}

/** Gives the gradients by the inputs, in their order; undefined where none is needed, or where there is none. */
export type Rule = (backward: Backward) => readonly (Value | undefined)[];

/**
 * An input that the operator has.
 *
 * @throws TypeError - it is not given.
 */
export function inputOf({ node, inputs }: Backward, index: number): Value {
  const value = inputs[index];
  if (value === undefined) throw new TypeError(`gradient: expected input ${index} of ${node.opType}, got none`);
  return value;
}

/** An integer attribute; `fallback` where it is absent. */
export function intOf({ attributes }: Node, name: string, fallback: number): number {
  const attribute = attributes[name];
  return attribute?.kind === "int" ? attribute.value : fallback;
}

/** A list of integers; `fallback` where it is absent. */
export function intsOf({ attributes }: Node, name: string, fallback: readonly number[]): readonly number[] {
  const attribute = attributes[name];
  return attribute?.kind === "ints" ? attribute.value : fallback;
}
