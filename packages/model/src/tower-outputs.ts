/**
 * What a tower's graph is asked for. A graph for features alone computes the last block for the class token only.
 */
export type TowerOutputs =
  /** The projected class token, `[B, E]`: what retrieval and classification need. */
  | { readonly kind: "features" }
  /** Every token's last state, and, if asked, the states between the layers and the attention probabilities. */
  | { readonly kind: "states"; readonly hiddenStates: boolean; readonly attentions: boolean };
