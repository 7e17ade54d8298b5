/** A project with the packed `@chinese-clip/node` and what else a test needs, and the program that each of them runs. */
import { createConsumer, createWorkFolder, removeWorkFolder, root } from "@chinese-clip/consumer";
import { join } from "node:path";
import { afterAll, beforeAll, inject } from "vitest";

/** A first install downloads ONNX Runtime and the framework. */
const INSTALL_LIMIT = 600_000;

const demo = join(root, "examples", "demo-checkpoint");
const image = join(root, "examples", "pictures", "04.webp"); // one red star

/** What {@link program} prints. */
export const EXPECTED = "红色的星星\n";

/** JavaScript that classifies an image with the demo checkpoint and prints the label; where `ChineseCLIP` is defined, in an async function. */
export const program: string = `
  const clip = await ChineseCLIP.fromPretrained(${JSON.stringify(demo)});
  const [best] = await clip.classify(${JSON.stringify(image)}, ["红色的星星", "蓝色的汽车", "一只棕色的猫"]);
  await clip.dispose();
  console.log(best.label);`;

/** A test of one test runner: it also wants errors of the disk and of threads to be what they are elsewhere. */
export const runnerTest: string = `import { runInThisContext } from "node:vm";
import { isMainThread } from "node:worker_threads";
test("classifies, and rejects what is not there", async () => {
  const clip = await ChineseCLIP.fromPretrained(${JSON.stringify(demo)});
  const [best] = await clip.classify(${JSON.stringify(image)}, ["红色的星星", "蓝色的汽车"]);
  expect(best.label).toBe("红色的星星");
  expect((await clip.embedText("猫")).dim).toBe(128);
  await expect(clip.embedImage("nothing.jpg")).rejects.toMatchObject({ name: "ImageError" });
  await expect(ChineseCLIP.fromPretrained("./nothing")).rejects.toThrow("nothing");
  await clip.dispose();
  const { env } = runInThisContext("process"); // the runner's own \`process\` may be a copy, whose environment native code does not see
  if (isMainThread) expect(env.ORT_DISABLE_TELEMETRY).toBe("1"); // a thread has no way to set it
});
`;

/**
 * Installs a project before the file's tests and removes it after them.
 *
 * @param packages - from the registry, `name@version`.
 * @returns the project's folder, to be asked for in a test.
 */
export function useProject(...packages: readonly string[]): () => string {
  let work: string;
  beforeAll(async () => {
    work = await createWorkFolder();
    await createConsumer(join(work, "project"), [...inject("tarballs"), ...packages]);
  }, INSTALL_LIMIT);
  afterAll(() => removeWorkFolder(work));
  return () => join(work, "project");
}
