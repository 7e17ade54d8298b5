import { existsSync } from "node:fs";
import { join } from "node:path";
import { ChineseCLIP, trainingPlatform } from "@chinese-clip/node";
import { scratchFolder } from "@chinese-clip/scratch-folder";
import { expect } from "vitest";
import { train, type TrainingEvent, type TrainOptions } from "../src/node/index.js";
import { recall } from "../src/node/recall.js";
import { drawings, TINY_MODEL } from "./drawings.js";

const scratch = scratchFolder();
let runs = 0;

/** Options of a run of four steps on the tiny model, into a folder of its own. */
export function optionsOf(given: Partial<TrainOptions> = {}): TrainOptions {
  const output = scratch.path(`run-${runs++}`);
  return {
    platform: trainingPlatform,
    model: TINY_MODEL,
    data: drawings(),
    output,
    batchSize: 8,
    steps: 4,
    learningRate: 1e-3,
    numThreads: 1,
    ...given,
  };
}

/** Trains to the end. */
export async function eventsOf(options: TrainOptions): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  for await (const event of train(options)) events.push(event);
  return events;
}

/** The loss of a run's first step. */
export async function firstLoss(given: Partial<TrainOptions>): Promise<number | undefined> {
  return (await eventsOf(optionsOf({ steps: 1, dropout: 0, ...given }))).find((event) => event.type === "step")?.loss;
}

/** Trains by a recipe; what is saved has to be the model that was validated. */
export async function savesWhatWasValidated(given: Partial<TrainOptions>): Promise<void> {
  const data = drawings(0, 16);
  const options = optionsOf({ steps: 12, data, validation: data, validateEvery: 12, ...given });
  const judged = (await eventsOf(options)).findLast((event) => event.type === "validation");
  const clip = await ChineseCLIP.fromPretrained(options.output);
  const images = await clip.embedImage(await Promise.all(data.pairs.map(({ image }) => image.read())));
  const texts = await clip.embedText(data.pairs.map(({ text }) => text));
  await clip.dispose();
  const features = { images: images.data, texts: texts.data, imageOf: data.pairs.map((_pair, i) => i), dim: images.dim };
  expect(recall(features)).toEqual({ textToImage: judged?.textToImage, imageToText: judged?.imageToText });
  expect(existsSync(join(options.output, "adapter/adapter_model.safetensors"))).toBe(given.lora !== undefined);
}
