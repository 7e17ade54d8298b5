/**
 * Chinese captions of scenes, and which other scenes they are true of.
 */
import type { Random } from "./random.js";
import type { Scene } from "./scene.js";
import { THINGS } from "./vocabulary.js";

/** A sentence and the attributes that it states; of the others it says nothing. */
export interface Caption {
  readonly text: string;
  readonly states: Partial<Scene>;
}

const NUMERALS: Readonly<Record<Scene["count"], string>> = { 1: "一", 2: "两", 3: "三", 4: "四" };

/** A random caption of a scene, of the forms in the training data. */
export function randomCaption(scene: Scene, random: Random): Caption {
  const { thing, color, count, size, background } = scene;
  const { measureWord, synonyms } = THINGS[thing];
  const name = random.next() < 0.6 || synonyms.length === 0 ? thing : random.choice<string>(synonyms);
  const colored = random.choice([`${color}色`, `${color}色的`, `${color}色`, color]) + name;
  const counted = `${NUMERALS[count]}${measureWord}`;
  const both = { thing, color };
  const form = random.next();
  if (form < 0.14) return { text: name, states: { thing } };
  if (form < 0.2) return { text: random.choice([`${color}色`, `${color}色的东西`, `${color}色的图案`]), states: { color } };
  if (form < 0.45) return { text: colored, states: both };
  if (form < 0.62) return { text: counted + colored, states: { ...both, count } };
  if (form < 0.72) {
    return { text: random.choice([`一张${colored}的图片`, `${colored}的图画`, `画着${colored}的画`, `这是${colored}`]), states: both };
  }
  if (form < 0.86) {
    return random.choice<Caption>([
      { text: `${background}色背景上的${colored}`, states: { ...both, background } },
      { text: `${colored}，${background}色背景`, states: { ...both, background } },
      { text: `${background}色背景上有${counted}${colored}`, states: { ...both, background, count } },
    ]);
  }
  if (size === undefined) return { text: `${counted}${colored}的图片`, states: { ...both, count } };
  return random.choice<Caption>([
    { text: `很${size}的${colored}`, states: { ...both, size } },
    { text: `${counted}${size}${colored}`, states: { ...both, size, count } },
    { text: `${color}色的${size}${name}`, states: { ...both, size } },
  ]);
}

/** Whether everything that a caption states is so in a scene. */
export function isTrueOf({ states }: Caption, scene: Scene): boolean {
  return Object.entries(states).every(([attribute, value]) => scene[attribute as keyof Scene] === value);
}
