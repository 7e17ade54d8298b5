/** Trains a model and prints the estimate of its memory and what the process took at its peak, in bytes. Arguments: model, pairs, folder, options as JSON. */
import { trainingPlatform } from "@chinese-clip/node";
import { listedPairs, train } from "@chinese-clip/training/node";

const [model, pairs, output, options = "{}"] = process.argv.slice(2);
const data = await listedPairs(pairs);
const seen = [];
for await (const event of train({ platform: trainingPlatform, model, data, output, ...JSON.parse(options) })) seen.push(event);
const { memory, blocks, chunkSize } = seen.find(({ type }) => type === "started");
const seconds = seen.filter(({ type }) => type === "step").map((step) => step.seconds);
console.log(JSON.stringify({ memory, blocks, chunkSize, seconds, peak: process.resourceUsage().maxRSS * 1024 }));
