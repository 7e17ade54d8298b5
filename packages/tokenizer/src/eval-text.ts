/** cn_clip's preparation of texts for evaluation, `_preprocess_text` of `cn_clip/eval/data.py` and `cn_clip/training/data.py`. */

/**
 * Lower-cases and makes curly double quotes straight, as cn_clip does for training, retrieval evaluation and zero-shot
 * evaluation, but not in its `tokenize`. It matters: `“` and `”` are not in the vocabulary and become `[UNK]`, `"` is in it.
 */
export function preprocessEvalText(text: string): string {
  return text.toLowerCase().replace(/[“”]/g, '"');
}
