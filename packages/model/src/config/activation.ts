/**
 * The activation functions that a graph computes; `hidden_act` may call them by any of their names in transformers (`activations.py`, `ACT2CLS`).
 *
 * - `gelu`: x * Phi(x), by the error function
 * - `quick_gelu`: x * sigmoid(1.702 x)
 * - `gelu_new`: the tanh approximation of GELU
 * - `relu`: max(0, x)
 */
export type Activation = "gelu" | "quick_gelu" | "gelu_new" | "relu";

/**
 * Name in transformers -> function. `gelu_python`, `gelu_fast` and the others are the same functions written in other ways, and differ by rounding only;
 * `gelu_10`, which is cut at 10, is another function.
 */
export const ACTIVATIONS: ReadonlyMap<string, Activation> = new Map<string, Activation>([
  ["gelu", "gelu"],
  ["gelu_python", "gelu"],
  ["quick_gelu", "quick_gelu"],
  ["gelu_new", "gelu_new"],
  ["gelu_fast", "gelu_new"],
  ["gelu_accurate", "gelu_new"],
  ["gelu_pytorch_tanh", "gelu_new"],
  ["gelu_python_tanh", "gelu_new"],
  ["relu", "relu"],
]);
