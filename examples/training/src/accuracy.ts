/** How many drawings a model names rightly: of 240 classes, each thing in each colour. */
import { ChineseCLIP } from "@chinese-clip/node";
import { COLOR_NAMES, type Drawing, THING_NAMES } from "@chinese-clip/drawings";

/** The share of the drawings whose most similar label, such as 红色的汽车, is the true one. */
export async function accuracy(model: string, drawings: readonly Drawing[]): Promise<number> {
  const clip = await ChineseCLIP.fromPretrained(model);
  try {
    const classes = COLOR_NAMES.flatMap((color) => THING_NAMES.map((thing) => ({ color, thing })));
    const labels = await clip.embedText(classes.map(({ color, thing }) => `${color}色的${thing}`));
    let correct = 0;
    for await (const result of clip.embedImages(drawings.map(({ bytes }) => bytes))) {
      if ("error" in result) throw result.error;
      const scores = classes.map((_, label) => dot(labels.data.subarray(label * labels.dim, (label + 1) * labels.dim), result.embedding));
      const best = classes[scores.indexOf(Math.max(...scores))];
      const scene = drawings[result.index]?.scene;
      if (best?.color === scene?.color && best?.thing === scene?.thing) correct++;
    }
    return correct / drawings.length;
  } finally {
    await clip.dispose();
  }
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}
