/**
 * Few-shot classifiers on drawings: zero-shot, linear probe, Tip-Adapter and Tip-Adapter-F with 1 to 16 images of each class, for classes that the demo
 * checkpoint's texts name well, and for ones that they do not.
 */
import { fileURLToPath } from "node:url";
import { makeDrawings, type Scene, THING_NAMES } from "@chinese-clip/drawings";
import { ChineseCLIP } from "@chinese-clip/node";
import { compareShots } from "@chinese-clip/training/few-shot";

const DEMO = fileURLToPath(new URL("../../examples/demo-checkpoint", import.meta.url));
const SHOTS: readonly number[] = [1, 2, 4, 8, 16];
/** More than the largest number of shots of each class: the rest is measured on. */
const DRAWINGS = 24 * 16 + 600;
const SEED = 77;

const TASKS: readonly { readonly name: string; readonly classes: readonly string[]; readonly classOf: (scene: Scene) => number }[] = [
  { name: "things, 24 classes", classes: THING_NAMES, classOf: ({ thing }) => THING_NAMES.indexOf(thing) },
  { name: "how many, 4 classes", classes: ["一个", "两个", "三个", "四个"], classOf: ({ count }) => count - 1 },
];

/** Prints the table. */
export async function benchFewShot(): Promise<void> {
  await using clip = await ChineseCLIP.fromPretrained(DEMO);
  const drawings = await makeDrawings(DRAWINGS, SEED);
  const { data: features, dim } = await clip.embedImage(drawings.map(({ bytes }) => new Uint8Array(bytes)));
  const scale = clip.model.logitScale;
  console.log("| classes | images a class | tested on | zero-shot | linear | Tip-Adapter | Tip-Adapter-F | chosen | its accuracy |");
  console.log("|---|---:|---:|---:|---:|---:|---:|---|---:|");
  for (const { name, classes, classOf } of TASKS) {
    const { data: texts } = await clip.embedText([...classes]);
    const examples = { features, dim, labels: drawings.map(({ scene }) => classOf(scene)), classes };
    for await (const { shots, tested, zeroShot, accuracy, chosen } of compareShots(examples, { shots: SHOTS, texts, scale })) {
      const cells = [zeroShot, accuracy.linear, accuracy["tip-adapter"], accuracy["tip-adapter-f"]].map(percent);
      console.log(`| ${[name, shots, tested, ...cells, chosen, percent(accuracy.auto)].join(" | ")} |`);
    }
  }
}

function percent(share: number): string {
  return (100 * share).toFixed(1);
}
