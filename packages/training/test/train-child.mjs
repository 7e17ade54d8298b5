/** Trains `tiny-vit`: the process that `killed.slow.test.ts` kills. Arguments: the pairs, the run's folder, options as JSON. Prints the events. */
import { fileURLToPath } from "node:url";
import { trainingPlatform } from "@chinese-clip/node";
import { listedPairs, train } from "@chinese-clip/training/node";

const [pairs, output, options = "{}"] = process.argv.slice(2);
const model = fileURLToPath(new URL("../../../fixtures/tiny-vit", import.meta.url));
const data = await listedPairs(pairs);
for await (const event of train({ platform: trainingPlatform, model, data, output, ...JSON.parse(options) }))
  console.log(JSON.stringify(event));
