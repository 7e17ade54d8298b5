/**
 * The activation functions that `hidden_act` may name, by their names in transformers.
 *
 * - `gelu`: x * Phi(x), by the error function
 * - `quick_gelu`: x * sigmoid(1.702 x)
 * - `gelu_new`: the tanh approximation of GELU
 * - `relu`: max(0, x)
 */
export type Activation = "gelu" | "quick_gelu" | "gelu_new" | "relu";

/** Every {@link Activation}, to read and to list in messages. */
export const ACTIVATIONS: readonly Activation[] = ["gelu", "quick_gelu", "gelu_new", "relu"];
