/**
 * What is in an image: one to four of one thing, in one colour, on one background, with the probabilities of the training data.
 */
import type { Random } from "./random.js";
import { type Background, BACKGROUND_NAMES, type Color, COLOR_NAMES, type Thing, THING_NAMES } from "./vocabulary.js";

/** The attributes of an image. */
export interface Scene {
  readonly thing: Thing;
  readonly color: Color;
  /** How many of it. */
  readonly count: 1 | 2 | 3 | 4;
  /** Large or small; only a single thing is ever said to be either. */
  readonly size: "大" | "小" | undefined;
  readonly background: Background;
}

/** A random scene, of a given thing or of any. */
export function randomScene(random: Random, thing: Thing = random.choice(THING_NAMES)): Scene {
  const color = random.choice(COLOR_NAMES);
  const count = random.weighted([1, 2, 3, 4] as const, [0.7, 0.12, 0.1, 0.08]);
  const size = count === 1 ? random.choice(["大", "小", undefined] as const) : undefined;
  const background = random.weighted(BACKGROUND_NAMES, [0.46, 0.18, 0.18, 0.18]);
  return { thing, color, count, size, background };
}
